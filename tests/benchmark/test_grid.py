"""What is tried: every job once, and attackers in places that matter."""

from __future__ import annotations

import pytest

from collegium.benchmark.grid import RULES, Grid, attacks_with_updates, placements
from collegium.plugins import BUILT_IN, find

WEIGHTS = {"a": 8, "b": 64, "c": 4, "d": 64, "e": 32}


def test_every_rule_attack_count_and_split_is_a_job_beside_the_clean_ones() -> None:
    grid = Grid(("fedavg", "median"), ("sign_flip", "alie"), (1, 2), (0, 1, 2), 4)
    jobs = list(grid.jobs())
    assert len(jobs) == len(set(jobs)) == 2 * 3 * 2 * 3
    assert sum(job.attack is None for job in jobs) == 2 * 2 * 3


def test_all_rules_and_all_attacks_with_updates_are_tried_by_default() -> None:
    alone = {name for name in BUILT_IN["rules"] if find("rules", name).kind == "recomputed"}
    assert alone == {name.split("+")[-1] for name in RULES}, "scores cost rows: asked for by name"
    assert {part for name in RULES for part in name.split("+")[:-1]} == set(
        BUILT_IN["pre_aggregations"]
    )
    assert {"label_flip", "opt_ipm", "tailored"} <= set(attacks_with_updates())
    assert not {"lying_validator", "ballot_stuffing"} & set(attacks_with_updates())


def test_the_heaviest_and_the_lightest_sites_attack_and_others_by_lot() -> None:
    found = placements(WEIGHTS, 2, 4, 7)
    assert found[:2] == (("b", "d"), ("a", "c"))
    assert len(set(found)) == 4
    assert found == placements(WEIGHTS, 2, 4, 7)
    assert {placements(WEIGHTS, 2, 4, seed)[2:] for seed in range(8)} != {found[2:]}


@pytest.mark.parametrize(
    ("count", "wanted", "most"), [(1, 99, 5), (4, 99, 5), (9, 3, 3), (2, 1, 1)]
)
def test_no_more_placements_are_given_than_there_are(count: int, wanted: int, most: int) -> None:
    found = placements(WEIGHTS, count, wanted, 0)
    assert len(found) == len(set(found)) == most
    assert all(len(one) < len(WEIGHTS) for one in found)
