"""Policies of attackers who are honest for a while, and the search for the most harmful one."""

from __future__ import annotations

import pytest

from collegium.benchmark.betrayal import Policy, Trials, search
from collegium.benchmark.grid import Job, placements
from collegium.benchmark.trial import changed, clean_rows, rows_under_attack
from collegium.errors import CollegiumError
from collegium.learning.encoding import registered_weight
from collegium.study.document import Study, Threat
from collegium.study.reading import read_study


@pytest.fixture(scope="module")
def study() -> Study:
    quick = (
        "training.rounds=6", "training.local_epochs=2", "aggregation.rule=fedavg",
        "aggregation.tolerate=0",
    )  # fmt: skip
    return read_study("heart10-robust", quick).study


@pytest.mark.parametrize(
    ("policy", "rounds"),
    [
        (Policy("ipm", 1, 6, 0, None), (1, 2, 3, 4, 5, 6)),
        (Policy("ipm", 4, 1, 0, None), (4, 5, 6)),
        (Policy("ipm", 2, 1, 2, None), (2, 5)),
        (Policy("ipm", 6, 3, 3, None), (6,)),
    ],
)
def test_a_policy_is_honest_first_and_then_in_turn(policy: Policy, rounds: tuple[int, ...]) -> None:
    assert policy.rounds(6) == rounds


def test_the_best_policy_is_the_most_harmful_and_is_measured_where_nobody_looked(
    study: Study,
) -> None:
    trials = Trials(study, 2, 1, (5,))
    found = search(trials, (0, 1), ("sign_flip", "label_flip"), policies=8, generations=2)
    assert 2 <= len(found.tried) <= 8
    assert [one.loss for one in found.tried] == sorted(
        (one.loss for one in found.tried), reverse=True
    )
    assert found.best == found.tried[0].policy
    losses = []
    for split in (0, 1):
        other = changed(study, Job("fedavg", 2, split, None))
        prepared, clean = clean_rows(other, "test")
        weights = {name: registered_weight(len(rows.y)) for name, rows in prepared.train.items()}
        (heaviest,) = placements(weights, 2, 1, split)
        threat = Threat(
            attack=found.best.attack, attackers=heaviest,
            rounds=found.best.rounds(6), scale=found.best.scale,
        )  # fmt: skip
        right, rows, outcome = rows_under_attack(other, threat, "test")
        assert outcome == "completed"
        honest = [counts for name, counts in clean.items() if name not in heaviest]
        whole = sum(one for one, _ in honest) / sum(one for _, one in honest)
        losses.append(100 * (whole - right / rows))
    assert found.found.value == pytest.approx(sum(losses) / 2)


def test_the_same_seed_tries_the_same_policies(study: Study) -> None:
    trials = Trials(study, 2, 1, (5,))
    first, second, other = (
        search(trials, (0, 1), ("sign_flip",), policies=4, generations=2, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first.tried != other.tried


def test_a_later_generation_is_drawn_around_the_most_harmful_policies(study: Study) -> None:
    # Sign flip ruins a mean and turned labels hardly do, so the search goes there.
    trials = Trials(study, 2, 1, (5,))
    found = search(trials, (0, 1), ("sign_flip", "label_flip"), policies=24, generations=4)
    assert found.best.attack == "sign_flip"
    chosen = [one.policy.attack for one in found.tried]
    assert chosen.count("sign_flip") > chosen.count("label_flip")


def test_what_is_no_attack_with_updates_is_refused(study: Study) -> None:
    with pytest.raises(CollegiumError):
        search(Trials(study, 2, 1, (5,)), (0, 1), ("silent_site",), policies=2, generations=1)
    with pytest.raises(CollegiumError):
        search(Trials(study, 2, 1, (5,)), (0, 1), ("nonsense",), policies=2, generations=1)
    with pytest.raises(CollegiumError, match="10 sites"):
        search(Trials(study, 10, 1, (5,)), (0, 1), ("sign_flip",), policies=2, generations=1)
