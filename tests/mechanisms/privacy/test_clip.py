"""A clip that follows the updates: what votes tell of them, and where it goes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.ledger.contract.kit import four_equals, only, refusal, replayed
from tests.ledger.contract.moves import (
    TERMS,
    current,
    for_model,
    here,
    start,
    using,
    vote,
    walk_to,
)

from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import RoundOpened
from collegium.ledger.contract.transactions import RoundVote, StudyRegister
from collegium.mechanisms.privacy.clip import in_round
from collegium.mechanisms.privacy.terms import Charged, Within

SITES = ("ada", "bo", "cy", "di")

FOLLOWING = PrivacyTerms(
    accountant="rdp@1", budget=10**9, charge=(0,) * 72, clip=0, conversion=(0,) * 72,
    delta=10**10, evaluation=(0,) * 72, mechanism="central_skellam@1", noise=10**6,
    sampling=10**9, setup=(0,) * 72, steps=1, unit="client",
)  # fmt: skip
FOLLOWED: dict[str, Any] = {
    **using(FOLLOWING), "exponent": 9, "weights": "equal", "rounds": 20,
}  # fmt: skip


def test_a_clip_follows_what_votes_tell_of_the_updates() -> None:
    """Nobody is within it: e^0.1 a round. The exponent falls as the clip doubles."""
    world = four_equals()
    events = start(world, **FOLLOWED)
    seen = []
    for number in range(1, 9):
        charged = part_of(only(events, RoundOpened).parts, Charged)
        clip = in_round(world.state, "heart", number)
        assert charged is not None
        assert charged.clip == clip
        seen.append((current(world).exponent, clip))
        walk_to(world, "vote")
        for name in SITES[:3]:
            events = vote(world, name, f"model {number}", Within(within=-(10**6)))
    assert [k for _, k in seen] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [exponent for exponent, _ in seen] == [9] * 7 + [8]
    assert replayed(world).root() == world.state.root()


def test_votes_that_differ_in_what_is_within_the_clip_are_no_quorum_together() -> None:
    world = four_equals()
    start(world, **FOLLOWED)
    walk_to(world, "vote")
    for name, within in zip(SITES[:3], (1, 2, 2), strict=True):
        assert vote(world, name, "new", Within(within=within)) == ()


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, for_model("new", Within(within=1))),
        (
            {**FOLLOWED, **using(replace(FOLLOWING, clip=msgspec.UNSET))},
            for_model("new", Within(within=1)),
        ),
        (FOLLOWED, for_model("new")),
        (
            FOLLOWED,
            {"result": {"of": "none", "reason": "refused", "parts": {"privacy": {"within": 1}}}},
        ),
    ],
)
def test_only_models_of_a_clip_that_follows_tell_what_is_within_it(
    terms: dict[str, Any], said: dict[str, Any]
) -> None:
    world = four_equals()
    start(world, **terms)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **said) == "malformed"


@pytest.mark.parametrize("changes", [{"exponent": 5}, {"unit": "patient"}])
def test_a_clip_that_cannot_follow_is_not_registered(changes: dict[str, Any]) -> None:
    private = replace(FOLLOWING, unit=changes.get("unit", "client"))
    exponent = changes.get("exponent", 9)
    terms = {**TERMS, **FOLLOWED, **using(private), "exponent": exponent}
    assert refusal(four_equals(), "ada", StudyRegister, **terms) == "refused"
