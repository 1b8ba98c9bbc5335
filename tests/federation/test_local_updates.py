"""What a site sends: its step, or momentum that it carries from round to round."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from tests.federation.kit import consortium, site, until

from collegium.canonical import from_text
from collegium.errors import RunError
from collegium.federation.local_updates import Assignment, HonestUpdateAuthor
from collegium.federation.outbox import Outbox
from collegium.learning.blobs import decode_update
from collegium.learning.encoding import encode
from collegium.learning.trainer import TrainingJob
from collegium.simulation.consortium import Consortium

GENESIS = bytes(32)
MOMENTUM = "training.site_momentum=0.75"


def work(within: Consortium, number: int) -> Assignment:
    """A round that starts at zero, with every site."""
    names = tuple(within.prepared.sites)
    size = sum(tensor.size for tensor in site(within)._tensors)
    start = np.zeros(size, np.float32)
    return Assignment(number, 12, names, (1,) * len(names), b"", start, len(names), lambda: None)


def step(within: Consortium, number: int) -> np.ndarray:
    """The step that the site va's local work takes in such a round."""
    prepared, asked = within.prepared, work(within, number)
    rows = prepared.train["va"]
    job = TrainingJob("va", rows.x, rows.y, asked.start, number)
    trained = prepared.parts.trainer.train(
        [job], prepared.parts.spec, prepared.study.training, prepared.study.study.seed
    )
    found: np.ndarray = trained[0].astype(np.float64)
    return found


def test_without_momentum_it_sends_its_step_and_keeps_nothing(tmp_path: Path) -> None:
    with consortium(tmp_path / "run") as within, closing(Outbox(tmp_path / "outbox")) as outbox:
        author = HonestUpdateAuthor("va", within.trainers, outbox, GENESIS)
        asked = work(within, 1)
        expected = encode(step(within, 1).astype(np.float32), asked.start, 12)
        assert np.array_equal(author.update(asked), expected)
        assert len(outbox) == 0


def test_momentum_is_carried_over_the_rounds_that_the_site_takes_part_in(tmp_path: Path) -> None:
    with (
        consortium(tmp_path / "run", MOMENTUM) as within,
        closing(Outbox(tmp_path / "outbox")) as outbox,
    ):
        author = HonestUpdateAuthor("va", within.trainers, outbox, GENESIS)
        carried = 0.25 * step(within, 1)
        assert np.abs(author.update(work(within, 1)) - carried * 4096).max() <= 0.51
        carried = 0.75 * carried + 0.25 * step(within, 4)
        assert np.abs(author.update(work(within, 4)) - carried * 4096).max() <= 0.51


def test_what_it_carries_outlives_a_restart_and_a_second_attempt(tmp_path: Path) -> None:
    with (
        consortium(tmp_path / "run", MOMENTUM) as within,
        closing(Outbox(tmp_path / "outbox")) as outbox,
    ):
        author = HonestUpdateAuthor("va", within.trainers, outbox, GENESIS)
        author.update(work(within, 1))
        second = author.update(work(within, 2))
        assert np.array_equal(author.update(work(within, 2)), second)
        again = HonestUpdateAuthor("va", within.trainers, outbox, GENESIS)
        assert np.array_equal(again.update(work(within, 2)), second)
        assert np.array_equal(again.update(work(within, 3)), author.update(work(within, 3)))
        elsewhere = HonestUpdateAuthor("va", within.trainers, outbox, bytes(31) + b"\1")
        assert not np.array_equal(elsewhere.update(work(within, 2)), second)


def test_what_is_not_finite_is_neither_sent_nor_carried(tmp_path: Path) -> None:
    with (
        consortium(tmp_path / "run", MOMENTUM) as within,
        closing(Outbox(tmp_path / "outbox")) as outbox,
    ):
        author = HonestUpdateAuthor("va", within.trainers, outbox, GENESIS)
        asked = work(within, 1)
        broken = replace(asked, start=np.full_like(asked.start, np.inf))
        with pytest.raises(RunError, match="cannot be encoded"):
            author.update(broken)
        assert len(outbox) == 0


def test_a_site_sends_what_its_author_makes(tmp_path: Path) -> None:
    class Other:
        def update(self, work: Assignment) -> np.ndarray:
            before = work.earlier()
            assert (before is None) == (work.round == 1)
            assert before is None or not np.array_equal(before, work.start)
            return np.full(work.start.size, work.round * 100 + work.weights[-1], np.int16)

    with consortium(tmp_path) as within:
        site(within).author = Other()
        for number in (1, 2):
            view = until(within, "available", number)
            blob = within.exchange.folder.get(from_text(view.reveals["va"].digest, 32)) or b""
            values = decode_update(blob)[0].units
            assert set(values.tolist()) == {number * 100 + view.participants["va"]}
