"""Encrypted updates: every deal for the same holders, one share of one key a survivor."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    member,
    names,
    only,
    refusal,
    replayed,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    attest,
    come_to,
    commit_masked,
    current,
    here,
    open_sum,
    participants,
    quorum_times_out,
    using,
    vote,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract.events import AttemptFailed, RoundOpened, UpdatesIncluded
from collegium.ledger.contract.transactions import StudyRegister
from collegium.mechanisms.dealing.terms import DealingTerms, Indicators
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.threshold_he.terms import SumOpen

SITES = ("ada", "bo", "cy", "di")
THREE = DealingTerms(threshold=3)
ENCRYPTED: dict[str, Any] = {**using("threshold_he", THREE), "min_sites": 2}


def encrypted(phase: str = "sa.keys", **terms: Any) -> World:
    """Return a consortium whose first round, with encrypted updates, is in a phase."""
    return come_to(four_equals(), phase, **{**ENCRYPTED, **terms})


def opening(world: World) -> dict[str, Any]:
    return {**here(world), "digest": digest("share")}


def test_an_encrypted_round_goes_from_keys_to_votes_and_replays() -> None:
    world = encrypted("vote")
    for name in SITES[:3]:
        events = vote(world, name, "new", Indicators(saturated=0, small=0))
    assert names(events) == ["round.closed", "round.opened"]
    assert replayed(world).root() == world.state.root()


def test_there_is_room_for_the_noise_of_64() -> None:
    people = [member(f"s{number:03d}") for number in range(65)]
    world = world_of(people)
    fifty = using("threshold_he", DealingTerms(threshold=50))
    fields = {**TERMS, **ENCRYPTED, **fifty, "sites": tuple(one.id for one in people)}
    assert refusal(world, "s000", StudyRegister, **{**fields, "per_round": 65}) == "refused"
    say(world, "s000", StudyRegister, **{**fields, "per_round": 64})


def test_survivors_post_one_share_and_others_none() -> None:
    world = encrypted("available")
    for name in SITES:
        events = attest(world, name, SITES[:3])
    assert only(events, UpdatesIncluded).members == SITES[:3]
    assert refusal(world, "di", SumOpen, **opening(world)) == "not-a-participant"
    open_sum(world, "ada")
    assert refusal(world, "ada", SumOpen, **opening(world)) == "already"


def test_shares_of_masked_updates_have_no_place_there_nor_the_other_way() -> None:
    world = encrypted("open")
    shares = {**here(world), "shares": to_text(bytes(128))}
    assert refusal(world, "ada", SharePost, **shares) == "early"
    masked = come_to(four_equals(), "share", **{**ENCRYPTED, **using("secagg", THREE)})
    assert refusal(masked, "ada", SumOpen, **opening(masked)) == "early"


def test_whoever_was_not_dealt_a_part_of_every_survivors_key_cannot_open() -> None:
    world = encrypted("commit")
    for name in SITES[:3]:
        commit_masked(world, name, SITES)
    commit_masked(world, "di", ("bo", "cy", "di"))
    walk_to(world, "open")
    assert refusal(world, "di", SumOpen, **opening(world)) == "refused"
    for name in SITES[:3]:
        open_sum(world, name)
    quorum_times_out(world)
    assert current(world).phase == "vote"


def test_a_part_of_a_key_that_is_missing_does_not_matter_where_its_dealer_drops_out() -> None:
    world = encrypted("commit")
    for name in SITES[:3]:
        commit_masked(world, name, SITES)
    commit_masked(world, "di", ("bo", "cy", "di"))
    walk_to(world, "available")
    for name in SITES:
        attest(world, name, SITES[1:])
    open_sum(world, "di")


def test_deals_must_be_sound_for_the_same_holders() -> None:
    """Each deal is sound for three, which is enough for masks; all four deals for two alone."""
    world = encrypted("commit")
    commit_masked(world, "ada", SITES)
    commit_masked(world, "bo", SITES)
    commit_masked(world, "cy", ("bo", "cy", "di"))
    events = commit_masked(world, "di", ("ada", "cy", "di"))
    assert only(events, AttemptFailed).reason == "bad-deal"
    assert only(events, RoundOpened).participants == SITES


@pytest.mark.parametrize(("present", "phase"), [(3, "vote"), (2, "sa.keys")])
def test_drop_outs_in_the_last_phase_are_survived_down_to_the_threshold(
    present: int, phase: str
) -> None:
    world = encrypted("open")
    for name in SITES[:present]:
        open_sum(world, name)
    events = quorum_times_out(world)
    assert current(world).phase == phase
    if phase == "sa.keys":
        assert only(events, AttemptFailed).reason == "too-few"
        assert participants(world) == list(SITES), "all survivors are needed again"
