"""The phases of an attempt follow from a study's modules, and each is spoken in."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from collegium.ledger.contract.declared import (
    before_rounds,
    following,
    mechanisms,
    phase_of,
    phases_of,
    place_of,
)
from collegium.ledger.contract.transactions import AnyTransaction

WALKS = {
    ("plain@1",): "commit reveal available vote",
    ("plain@1", "scores@1"): "commit reveal available score.commit score.reveal vote",
    ("dealing@1", "secagg@1"): "sa.keys sa.deal commit reveal available share vote",
    ("dealing@1", "secagg_plus@1"): "sa.keys sa.deal commit reveal available share vote",
    ("dealing@1", "groups@1", "secagg@1"): (
        "sa.bind sa.keys sa.deal commit reveal available share vote"
    ),
    ("dealing@1", "threshold_he@1"): "sa.keys sa.deal commit reveal available open vote",
}


@pytest.mark.parametrize("modules", WALKS, ids="+".join)
def test_an_attempt_walks_through_its_modules_phases(modules: tuple[str, ...]) -> None:
    first, *_ = phases_of(modules)
    walk = [first.name]
    while (after := following(modules, walk[-1])) is not None:
        walk.append(after.name)
    assert " ".join(walk) == WALKS[modules]
    assert [place_of(modules, name) for name in walk] == list(range(len(walk)))


def test_a_phase_of_another_module_is_none_of_an_attempt() -> None:
    assert phase_of(("plain@1",), "share") is None
    assert place_of(("plain@1",), "share") == -1


def test_sites_agree_on_tables_before_the_first_round() -> None:
    assert before_rounds(("plain@1",)) == ("setup",)
    assert before_rounds(("plain@1", "statistics@1")) == ("setup", "statistics", "beginning")


def test_each_phase_is_spoken_in_by_a_kind_of_transaction_that_exists() -> None:
    kinds = {str(kind.__struct_config__.tag) for kind in get_args(AnyTransaction)}
    assert {phase.kind for phase in phases_of(tuple(mechanisms()))} <= kinds


@pytest.mark.parametrize("pair", [*combinations(mechanisms(), 2)], ids="+".join)
def test_no_two_modules_mean_different_phases_or_tables_by_one_name(pair: tuple[str, str]) -> None:
    one, other = (mechanisms()[name] for name in pair)
    for phase in one.phases:
        for another in other.phases:
            assert phase == another or phase.name != another.name


@pytest.mark.parametrize("module", mechanisms())
def test_an_attempt_ends_in_its_vote(module: str) -> None:
    assert phases_of((module,))[-1].name == "vote"
