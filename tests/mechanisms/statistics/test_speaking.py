"""Set-up goes on without who is silent, names it, and says the same after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.data.tabular.cohorts import write_study

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.loop import drive
from collegium.ledger.blobs import read_blob
from collegium.mechanisms.statistics.speaking import SettingUp
from collegium.mechanisms.statistics.terms import StatisticsPost, StatisticsVote
from collegium.simulation.consortium import Consortium, build
from collegium.study.reading import read_study
from collegium.threats.attack import said

CHANGES = ("training.rounds=1", "evaluation.bootstrap=0")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Consortium]]:
    open_ones: list[Consortium] = []
    study = write_study(tmp_path / "study")

    def consortium(*changes: str, name: str = "run") -> Consortium:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        found = build(prepare(read_study(study, [*CHANGES, *changes])), folder, print)
        open_ones.append(found)
        return found

    yield consortium
    for one in open_ones:
        one.close(complete=False)


@dataclass
class Lacking:
    """A view of the blobs in which one cannot be had; it satisfies `Blobs`."""

    whole: Blobs
    missing: bytes

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        return self.whole.publish(data, sync=sync, name=name)

    def fetch(self, digest: bytes) -> bytes | None:
        return None if digest == self.missing else self.whole.fetch(digest)

    def fetch_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        return [self.fetch(digest) for digest in digests]


def driven(consortium: Consortium) -> None:
    drive(consortium.engine, "cohort", consortium.participants, lambda _: None, consortium.settle)


def test_a_site_that_says_nothing_is_left_out_and_named(
    made: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = made("study.min_sites=3")
    silent = next(one for one in consortium.participants if one.name == "va (set-up)")
    assert isinstance(silent, SettingUp)
    honest = silent.reconcile
    silent.reconcile = lambda view, *, idle: [  # type: ignore[method-assign]
        one for one in honest(view, idle=idle) if not isinstance(said(one), StatisticsPost)
    ]
    driven(consortium)
    view = consortium.view()
    # The owner of a simulation knows what all four would have said, and begins over nothing else.
    assert view.status is not None
    assert (view.phase, view.status.outcome) == ("closed", "failed")
    assert view.set_up.is_over
    assert view.set_up.agreement is not None
    data = read_blob(tmp_path / "run" / "blobs", view.set_up.agreement)
    assert data is not None
    assert decode_agreed(data).included == (("cleveland", "hungarian", "switzerland"),) * 3
    codes = {one.code: one.what for one in verify(tmp_path / "run", partial=True).findings}
    assert "va" in codes["site.no-statistics"]


def test_a_restarted_site_says_what_it_said(made: Callable[..., Consortium]) -> None:
    consortium = made()
    site = next(one for one in consortium.participants if one.name == "va (set-up)")
    others = [one for one in consortium.participants if one is not site]
    posts: list[bytes] = []
    while not posts:
        view = consortium.view()
        due = site.reconcile(view, idle=False)
        posts = [one for one in due if isinstance(said(one), StatisticsPost)]
        batch = [one for member in others for one in member.reconcile(view, idle=False)]
        consortium.settle()
        consortium.engine.submit(batch if posts else batch + due)
    assert site.reconcile(consortium.view(), idle=False) == posts


def test_validators_vote_alike_and_wait_for_what_is_missing(
    made: Callable[..., Consortium],
) -> None:
    consortium = made()
    while consortium.view().phase != "statistics.vote":
        view = consortium.view()
        batch = [one for member in consortium.participants
                 for one in member.reconcile(view, idle=False)]  # fmt: skip
        consortium.settle()
        consortium.engine.submit(batch)
    view = consortium.view()
    votes = [said(one) for validator in consortium.validators
             for one in validator.reconcile(view, idle=False)]  # fmt: skip
    agreed = {one.agreement for one in votes if isinstance(one, StatisticsVote)}
    assert (len(votes), len(agreed)) == (4, 1)
    first = consortium.validators[0]
    first.blobs = Lacking(first.blobs, view.set_up.posted["va"])
    assert first.reconcile(view, idle=False) == [], "it waits for the blob"
    impatient = [said(one) for one in first.reconcile(view, idle=True)]
    assert {one.agreement for one in impatient if isinstance(one, StatisticsVote)} != agreed
