"""Attacks that look back: what they send, and the published break of centered clipping."""

from __future__ import annotations

import numpy as np
import pytest
from tests.threats.kit import SIZE, observation, poisoning

from collegium.assembly.preparation import Prepared, prepare
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

EARLIER = -np.linspace(0.1, 0.4, SIZE).astype(np.float32)


def test_the_perturbation_is_at_a_right_angle_to_the_last_move_and_always_the_same() -> None:
    seen = observation(earlier=EARLIER, scale=1.0)
    assert seen.last_move is not None
    sent = poisoning("history_aware").craft(seen)
    assert np.array_equal(sent[0], sent[1])
    unit = seen.last_move / np.linalg.norm(seen.last_move)
    along = sent[0] @ unit
    across = sent[0] - along * unit
    assert np.linalg.norm(across) == pytest.approx(along, rel=0.01)
    own = np.linalg.norm(seen.own.astype(float).mean(axis=0))
    assert np.linalg.norm(sent[0].astype(float)) == pytest.approx(own, rel=0.01)
    later = poisoning("history_aware").craft(observation(earlier=EARLIER, scale=1.0, number=9))
    assert np.array_equal(later, sent)


def drift(prepared: Prepared, plain: np.ndarray) -> float:
    return float(np.linalg.norm(run_without_ledger(prepared).model.parameters - plain))


def test_a_drift_adds_up_where_noise_of_the_same_length_does_not() -> None:
    changes = ["training.rounds=25", "training.local_epochs=2", "training.site_momentum=0.9",
               "aggregation.rule=centered_clipping", "aggregation.tolerate=2"]  # fmt: skip
    plain = run_without_ledger(prepare(read_study("heart10", changes))).model.parameters

    def attacked(*more: str) -> float:
        study = read_study("heart10", [*changes, "threat.attackers=2", *more])
        return drift(prepare(study), plain)

    assert attacked("threat.attack=history_aware") > 1.5 * attacked(
        "threat.attack=gaussian", "threat.scale=1.0"
    )


def test_a_free_rider_follows_the_model_and_a_copycat_another_site() -> None:
    seen = observation(earlier=EARLIER)
    assert seen.last_move is not None
    for sent in poisoning("free_rider").craft(seen):
        assert np.abs(sent - seen.last_move).max() < 0.2 * np.abs(seen.last_move).max()
    ridden = poisoning("free_rider").craft(observation(earlier=None))
    assert np.abs(ridden).max() < 10
    assert not np.array_equal(ridden[0], ridden[1])
    before = np.arange(SIZE, dtype=np.int16) * 100
    others = {"site-3": before, "site-1": -before, "site-9": 7 * before}
    copied = poisoning("copycat").craft(observation(revealed=others))
    assert np.abs(copied - before).max() < 100  # of site-3: heavier than site-1, and no accomplice


def test_a_copycat_has_only_what_the_round_before_revealed() -> None:
    seen = observation(revealed={})
    assert np.abs(poisoning("copycat").craft(seen)).max() < 10


@pytest.mark.parametrize("attackers", [1, 2, 3, 5])
def test_sybils_have_nothing_in_common_but_their_sum(attackers: int) -> None:
    seen = observation(count=12, attackers=attackers, scale=5.0, knowledge=("own",))
    sent = poisoning("sybil").craft(seen).astype(float)
    base = -5.0 * seen.own.astype(float).mean(axis=0)
    assert np.allclose(sent.mean(axis=0), base, atol=1.0)
    lengths = np.linalg.norm(sent, axis=1)
    cosines = sent @ sent.T / np.outer(lengths, lengths)
    assert np.abs(cosines - np.eye(attackers)).max() < 0.01


def test_foolsgold_stops_sybils_that_agree_and_not_those_that_differ() -> None:
    def moved(scale_attack: str) -> float:
        seen = observation("foolsgold", count=10, attackers=3, tolerate=0, scale=5.0)
        sent = poisoning("sybil").craft(seen)
        if scale_attack == "alike":
            sent = seen.alike(sent.astype(float).mean(axis=0))
        step = seen.aggregate(sent)
        return float(step @ seen.mean / (seen.mean @ seen.mean))

    assert moved("alike") > 0.5
    assert moved("differ") < moved("alike") - 0.5
