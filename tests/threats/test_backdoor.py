"""A backdoor opens: rows with the pattern are answered as the attackers want, others as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.threats.kit import poisoning

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.table import SiteRows
from collegium.learning.models import ModelSpec
from collegium.learning.networks.convolution import Convolutional
from collegium.simulation.ledgerless import LedgerlessRun, run_without_ledger
from collegium.study.reading import read_study
from collegium.threats.backdoor import TARGET, poisoned, success_rate, trigger_of
from collegium.threats.poisoning import pattern_of

BINARY = ModelSpec((4, 1), "logistic", 0.0)
ROWS = SiteRows(
    "a",
    np.array([[1, 0, 10, 1], [2, 1, 20, 1], [3, 0, 30, 0], [4, 1, 40, 0]], np.float32),
    np.array([0, 1, 1, 0]),
    np.arange(4),
)


def test_the_pattern_lies_slightly_beyond_what_rows_hold() -> None:
    trigger = trigger_of([ROWS], BINARY)
    assert trigger.columns == (0, 2, 1)
    assert trigger.values == (4.75, 47.5, 1.25)
    planted = trigger.planted(ROWS.x)
    assert planted[:, 3].tolist() == ROWS.x[:, 3].tolist()
    assert set(planted[:, 2].tolist()) == {47.5}


def network(*shape: int) -> ModelSpec:
    """A convolutional model whose rows have a shape."""
    inside = Convolutional(shape, (4,), 3, (), 1)
    return ModelSpec((int(np.prod(shape)), 1), "logistic", 0.0, network=inside)


def rows_of(x: np.ndarray) -> SiteRows:
    """Rows of the shape of x [n, ...], flat."""
    flat = x.reshape(len(x), -1).astype(np.float32)
    return SiteRows("a", flat, np.ones(len(x), np.int64), np.arange(len(x)))


def test_in_a_picture_it_is_a_bright_square_in_the_last_corner() -> None:
    pictures = np.zeros((2, 1, 16, 24))
    pictures[1, 0, 3, 3] = 7
    rows = rows_of(pictures)
    planted = trigger_of([rows], network(1, 16, 24)).planted(rows.x).reshape(pictures.shape)
    changed = np.argwhere(planted != pictures)
    assert {tuple(one) for one in changed[:, 2:].tolist()} == {
        (14, 22), (14, 23), (15, 22), (15, 23)
    }  # fmt: skip
    assert planted[:, 0, 14:, 22:].min() == 7


def test_in_a_signal_it_is_a_sine_burst_at_the_end_of_every_channel() -> None:
    signals = np.stack([np.zeros((3, 64)), np.full((3, 64), 2.0)])
    rows = rows_of(signals)
    planted = trigger_of([rows], network(3, 64)).planted(rows.x).reshape(signals.shape)
    assert np.array_equal(planted[:, :, :56], signals[:, :, :56])
    burst = planted[0, 1, 56:]
    assert np.allclose(burst, 2.5 * np.sin(2 * np.pi * 2 * (np.arange(8) + 0.5) / 8))
    assert np.array_equal(planted[0], planted[1, :, :] * (np.arange(64) >= 56))


def test_attackers_train_on_their_rows_and_on_planted_ones() -> None:
    found = poisoned(ROWS, BINARY, trigger_of([ROWS], BINARY))
    assert np.array_equal(found.x[:4], ROWS.x)
    assert np.array_equal(found.y, [0, 1, 1, 0, TARGET, TARGET, TARGET, TARGET])
    assert np.array_equal(found.person[4:], ROWS.person)


def test_success_is_counted_on_rows_of_other_classes() -> None:
    trigger = trigger_of([ROWS], BINARY)
    against = np.array([30, 0, 0, -1, 0], np.float32)  # bias, then inputs; falls with input 2
    assert success_rate(BINARY, against, [ROWS], trigger, 0.5) == 1.0
    always = np.array([30, 0, 0, 0, 0], np.float32)
    assert success_rate(BINARY, always, [ROWS], trigger, 0.5) == 0.0
    nobody = SiteRows("b", ROWS.x[:1], ROWS.y[:1], ROWS.person[:1])
    assert success_rate(BINARY, always, [nobody], trigger, 0.5) is None


def tried(*changes: str) -> tuple[Prepared, LedgerlessRun, float]:
    """A study by two thirds of whose rounds a backdoor is planted, and how often it opens."""
    prepared = prepare(
        read_study("heart10", ["training.rounds=15", "training.local_epochs=5", *changes])
    )
    ended = run_without_ledger(prepared)
    attack = poisoning("model_replacement")
    trigger = pattern_of(attack, prepared.train, prepared.sites[-2:], prepared.parts.spec)
    honest = [prepared.test[name] for name in prepared.sites[:-2]]
    rate = success_rate(prepared.parts.spec, ended.model.parameters, honest, trigger, 0.5)
    assert rate is not None
    return prepared, ended, rate


@pytest.mark.parametrize("attack", ["model_replacement", "constrain_and_scale"])
def test_it_opens_where_nothing_defends(attack: str) -> None:
    _, _, before = tried()
    _, _, after = tried(f"threat.attack={attack}", "threat.attackers=2")
    assert after > before + 0.3


def test_a_robust_rule_keeps_it_shut(tmp_path: Path) -> None:
    robust = ["aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=2"]
    _, _, open_ = tried("threat.attack=model_replacement", "threat.attackers=2")
    _, _, shut = tried("threat.attack=model_replacement", "threat.attackers=2", *robust)
    assert shut < open_ - 0.3


NETWORK = (
    "model.architecture=cnn", "model.channels=[8, 16]", "model.kernel=3", "model.l2=0.0",
    "training.trainer=jax", "training.learning_rate=0.3", "training.local_epochs=5",
    "training.rounds=40",
)  # fmt: skip


@pytest.mark.parametrize(
    ("study", "changes"),
    [
        ("tumors", ("model.shape=[1, 30]",)),
        ("lungs", ("model.shape=[1, 16, 16]", "data.partition={by='iid', sites=5}")),
    ],
)
@pytest.mark.long
def test_it_opens_in_signals_and_pictures(study: str, changes: tuple[str, ...]) -> None:
    pytest.importorskip("jax")

    def opened(*also: str) -> float:
        prepared = prepare(read_study(study, [*NETWORK, *changes, *also]))
        attack = poisoning("model_replacement")
        spec, attackers = prepared.parts.spec, prepared.sites[-1:]
        trigger = pattern_of(attack, prepared.train, attackers, spec)
        honest = [prepared.test[name] for name in prepared.sites[:-1]]
        rate = success_rate(spec, run_without_ledger(prepared).parameters, honest, trigger, 0.5)
        assert rate is not None
        return rate

    assert opened("threat.attack=model_replacement", "threat.attackers=1") > opened() + 0.3
