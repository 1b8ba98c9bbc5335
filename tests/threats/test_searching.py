"""Attacks that adapt harm their defence more than those that do not, and keep to their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.cases import some_of
from tests.threats.kit import observation, poisoning

from collegium.threats.adversary_view import AdversaryView
from collegium.threats.bounded import perturbations

RULES = ("nnm+trimmed_mean", "trimmed_mean", "median", "krum", "multi_krum", "geometric_median",
         "centered_clipping", "arc+median", "bucketing+median", "dnc", "flame", "caf")  # fmt: skip
OBJECTIVES = {"opt_alie": "alie", "opt_ipm": "ipm"}


def displaced(seen: AdversaryView, attack: str) -> float:
    return seen.displacement(poisoning(attack).craft(seen))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "attack", some_of({one: one for one in ("opt_alie", "opt_ipm", "tailored")}, "tailored")
)
def test_a_search_moves_the_defence_farther_than_honesty_and_the_formula(
    rule: str, attack: str
) -> None:
    found, honest = 0.0, 0.0
    for seed in range(6):
        seen = observation(rule, seed=seed, count=11, scale=2.0)
        moved = displaced(seen, attack)
        found, honest = found + moved, honest + seen.displacement(seen.own)
        if attack in OBJECTIVES:
            assert moved >= displaced(seen, OBJECTIVES[attack]) * 0.98
    assert found > honest


@pytest.mark.parametrize("rule", ["trimmed_mean", "median", "meamed"])
def test_going_beyond_the_extremes_is_among_what_is_tried_on_coordinate_rules(rule: str) -> None:
    seen = observation(rule)
    beyond = np.where(seen.mean > 0, seen.honest.min(axis=0), seen.honest.max(axis=0))
    directed = seen.displacement(seen.alike(beyond.astype(np.float64)))
    assert displaced(seen, "tailored") >= directed * 0.999


def test_a_weaker_defence_is_moved_farther() -> None:
    moved = {rule: displaced(observation(rule, tolerate=0 if rule == "fedavg" else 2), "opt_ipm")
             for rule in ("fedavg", "trimmed_mean", "nnm+trimmed_mean")}  # fmt: skip
    assert moved["fedavg"] > 5 * moved["trimmed_mean"] > 5 * moved["nnm+trimmed_mean"] / 1.2


@pytest.mark.parametrize("seed", range(5))
def test_min_max_and_min_sum_reach_their_bounds_and_keep_them(seed: int) -> None:
    seen = observation(seed=seed)
    rows = seen.honest.astype(float)
    farthest = poisoning("min_max").craft(seen)[0]
    together = poisoning("min_sum").craft(seen)[0]
    pairs = np.square(rows[:, None] - rows[None]).sum(axis=2)
    reach = np.square(rows - farthest).sum(axis=1).max() / pairs.max()
    total = np.square(rows - together).sum() / pairs.sum(axis=1).max()
    assert 0.97 < reach < 1.02
    assert 0.97 < total < 1.02


@pytest.mark.parametrize("seed", range(5))
def test_min_sum_goes_against_the_honest_mean(seed: int) -> None:
    seen = observation(seed=seed)
    step = poisoning("min_sum").craft(seen)[0] - seen.mean
    cosine = step @ seen.mean / np.linalg.norm(step) / np.linalg.norm(seen.mean)
    assert cosine == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize("rule", ["nnm+trimmed_mean", "multi_krum", "median", "smea"])
@pytest.mark.parametrize("seed", [1, 20, 40])
def test_a_search_finds_what_a_fine_grid_finds(rule: str, seed: int) -> None:
    seen = observation(rule, seed=seed)
    fine = 2.0 ** np.linspace(-3, 5, 150)
    best = max(
        seen.displacement(seen.alike(-sign * factor * seen.mean))
        for sign in (1, -1)
        for factor in fine
    )
    assert displaced(seen, "opt_ipm") > 0.99 * best


def test_all_three_perturbations_are_considered() -> None:
    seen = observation()
    against, signs, outwards = perturbations(seen)
    assert against @ seen.mean == pytest.approx(-np.linalg.norm(seen.mean))
    assert set(np.abs(signs)) == {1.0}
    assert np.array_equal(outwards, -seen.deviation)


@pytest.mark.parametrize("attack", ["min_max", "min_sum", "opt_alie", "opt_ipm", "tailored"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_federation_is_too_small_to_attack(attack: str, count: int) -> None:
    for attackers in range(1, count + 1):
        seen = observation("fedavg", count=count, attackers=attackers, tolerate=0)
        assert poisoning(attack).craft(seen).shape == (attackers, 14)
