"""No site has more of a round's weight than the study's largest share, whatever it claims."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import four_equals, only, refusal, replayed
from tests.ledger.contract.moves import TERMS, accept, register, using

from collegium.ledger.contract.events import RoundOpened
from collegium.ledger.contract.shares import within_share
from collegium.ledger.contract.transactions import StudyRegister
from collegium.mechanisms.dealing.terms import DealingTerms

SITES = ("ada", "bo", "cy", "di")


def opened(contract: int = 2, weight: int = 2**30, **terms: Any) -> tuple[int, ...]:
    """Return the weights of a first round in which di claims some, and others 64, 48 and 32."""
    world = four_equals(contract=contract)
    register(world, **terms)
    for site, claimed in zip(SITES, (64, 48, 32, weight), strict=True):
        events = accept(world, site, weight=claimed)
    assert replayed(world).root() == world.state.root()
    return only(events, RoundOpened).weights


def test_who_claims_a_billion_rows_has_half_of_the_weight() -> None:
    assert opened() == (64, 48, 32, 144)


def test_weights_within_the_share_stay_as_they_are() -> None:
    assert opened(weight=128) == (64, 48, 32, 128)


@pytest.mark.parametrize(
    ("share", "weights"),
    [(1000, (64, 48, 32, 2**30)), (400, (64, 48, 32, 96)), (300, (60, 48, 32, 60)),
     (100, (32, 32, 32, 32))],
)  # fmt: skip
def test_a_study_registers_another_share(share: int, weights: tuple[int, ...]) -> None:
    assert opened(largest_share=share) == weights


def test_masked_updates_have_the_same_weights() -> None:
    assert opened(**using("secagg", DealingTerms(threshold=3))) == (64, 48, 32, 144)


def test_of_two_participants_none_is_lowered() -> None:
    weights = opened(per_round=2)
    assert set(weights) <= {64, 48, 32, 2**30}


def test_ledgers_of_contract_1_keep_their_weights_and_register_no_share() -> None:
    assert opened(contract=1) == (64, 48, 32, 2**30)
    world = four_equals(contract=1)
    assert refusal(world, "ada", StudyRegister, **{**TERMS, "largest_share": 500}) == "refused"


@given(st.lists(st.integers(1, 40), min_size=3, max_size=6), st.integers(1, 1000))
def test_the_cap_is_the_largest_that_keeps_everybodys_share(claims: list[int], share: int) -> None:
    weights = {f"s{place}": claim for place, claim in enumerate(claims)}
    caps = [
        cap
        for cap in range(1, max(claims) + 1)
        if 1000 * cap <= share * sum(min(one, cap) for one in claims)
    ]
    cap = max(max(caps, default=0), min(claims))
    assert list(within_share(weights, share).values()) == [min(one, cap) for one in claims]


@given(st.lists(st.integers(1, 2**31 - 1), min_size=3, max_size=9))
def test_with_half_nobody_outweighs_all_others(claims: list[int]) -> None:
    bound = [*within_share({f"s{at}": one for at, one in enumerate(claims)}, 500).values()]
    assert 2 * max(bound) <= sum(bound)
