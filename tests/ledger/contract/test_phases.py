"""The designs of a round, as data."""

from __future__ import annotations

import pytest
from collegium.ledger.contract.phases import (
    DESIGNS,
    ORDER,
    PHASES,
    first_phase,
    is_past,
    next_phase,
)

from collegium.ledger.contract.transactions import AnyTransaction


def test_a_plain_round_commits_reveals_attests_and_votes() -> None:
    walk = [first_phase("plain@1")]
    while (following := next_phase("plain@1", walk[-1])) is not None:
        walk.append(following)
    assert walk == ["commit", "reveal", "available", "vote"]


@pytest.mark.parametrize("design", DESIGNS)
def test_a_design_is_a_part_of_the_one_order_and_ends_in_a_vote(design: str) -> None:
    phases = DESIGNS[design]
    assert list(phases) == [phase for phase in ORDER if phase in phases]
    assert phases[-1] == "vote"
    assert set(phases) <= set(PHASES)


def test_past_is_what_lies_before() -> None:
    assert is_past("plain@1", "commit", "vote")
    assert not is_past("plain@1", "vote", "vote")
    assert not is_past("plain@1", "vote", "commit")


def test_each_phase_is_spoken_in_by_a_kind_of_transaction_that_exists() -> None:
    kinds = {str(kind.__struct_config__.tag) for kind in AnyTransaction.__args__}
    assert {phase.kind for phase in PHASES.values()} <= kinds
