"""Changes of the membership: proposed by anybody, decided by quorum, in effect at once."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.ledger.contract.kit import (
    World,
    four_equals,
    key_of,
    member,
    names,
    payload,
    refusal,
    refusal_of,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    attest,
    ballot,
    carry,
    commit,
    current,
    drive_round,
    open_rounds,
    participants,
    proposal_id,
    propose,
    register,
    reveal,
    start,
    status_of,
    time_out,
    vote,
    voters,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract import members
from collegium.ledger.contract.events import Events
from collegium.ledger.contract.governance import OPEN_PROPOSALS_A_MEMBER, rotation_message
from collegium.ledger.contract.tables import MEMBERS, MemberRecord
from collegium.ledger.contract.transactions import (
    Action,
    Admit,
    Expel,
    MemberPropose,
    MemberVote,
    Rotate,
    StudyRegister,
)
from collegium.ledger.envelope import sign_envelope

THREE = ("ada", "bo", "cy")


def rotation(world: World, who: str, key: str, label: str = "change", signer: str = "") -> Rotate:
    """Return a rotation of a member to the key of a name, signed for by it unless told."""
    public = to_text(key_of(key).public)
    message = rotation_message(to_text(world.identity), proposal_id(label), who, public)
    proof = to_text(key_of(signer or key).sign(message))
    return Rotate(key=public, member=who, proof=proof)


def test_an_admitted_member_speaks_with_its_power() -> None:
    world = four_equals()
    world.keys["eve"] = key_of("eve")
    events = carry(world, Admit(member("eve", power=3)), by=THREE)
    assert names(events) == ["proposal.accepted", "membership.changed"]
    assert members.validator_powers(world.state) == {"ada": 1, "bo": 1, "cy": 1, "di": 1, "eve": 3}
    register(world, owner="eve")


def test_an_expelled_member_loses_voice_and_power_but_not_its_place() -> None:
    world = four_equals()
    carry(world, Expel("di"), by=THREE)
    assert list(members.validator_powers(world.state)) == ["ada", "bo", "cy"]
    again = {"action": Admit(member("di")), "proposal": proposal_id("again")}
    assert refusal(world, "ada", MemberPropose, **again) == "refused"


def test_somebody_must_be_left_to_validate() -> None:
    world = world_of([member("ada"), member("bo", 0, ["site"])])
    fields = {"action": Expel("ada"), "proposal": proposal_id("change")}
    assert refusal(world, "bo", MemberPropose, **fields) == "refused"
    carry(world, Expel("bo"), by=("ada",))


def test_a_rotated_key_speaks_and_the_old_one_does_not() -> None:
    world = four_equals()
    carry(world, rotation(world, "di", "di two"), by=THREE)
    assert refusal(world, "di", StudyRegister, **TERMS) == "unknown-member"
    world.keys["di"] = key_of("di two")
    register(world, owner="di")


def test_a_rotation_is_signed_for_by_the_new_key() -> None:
    world = four_equals()
    unsigned = rotation(world, "di", "di two", signer="di")
    fields = {"action": unsigned, "proposal": proposal_id("change")}
    assert refusal(world, "di", MemberPropose, **fields) == "refused"
    elsewhere = rotation(world, "di", "di two", label="another proposal")
    fields = {"action": elsewhere, "proposal": proposal_id("change")}
    assert refusal(world, "di", MemberPropose, **fields) == "refused"


@pytest.mark.parametrize("key", ["ada", "di", "*log"])
def test_a_key_is_never_used_twice(key: str) -> None:
    world = four_equals()
    stolen = replace(member("eve"), key=to_text(key_of(key).public))
    fields: dict[str, Any] = {"action": Admit(stolen), "proposal": proposal_id("change")}
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"
    fields["action"] = rotation(world, "bo", key)
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"


def test_a_key_that_was_rotated_away_does_not_come_back() -> None:
    world = four_equals()
    carry(world, rotation(world, "di", "di two"), by=THREE)
    fields = {"action": rotation(world, "di", "di", "back"), "proposal": proposal_id("back")}
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (Expel("nobody"), "refused"),
        (Admit(replace(member("eve"), power=0)), "refused"),
        (Admit(replace(member("eve"), power=2**32 + 1)), "malformed"),
        (Admit(replace(member("eve"), roles=("validator", "site"))), "refused"),
        (Admit(replace(member("eve"), roles=())), "refused"),
        (Admit(replace(member("eve"), id="Eve/../x")), "refused"),
        (Admit(replace(member("eve"), id="*log")), "refused"),
        (Admit(replace(member("eve"), key=to_text(bytes(32)))), "refused"),
        (Admit(replace(member("eve"), key="short")), "refused"),
        (Rotate(key="!" * 43, member="di", proof="A" * 86), "malformed"),
    ],
)
def test_what_could_not_take_effect_is_not_proposed(action: Action, code: str) -> None:
    world = four_equals()
    assert refusal(world, "ada", MemberPropose, action=action, proposal="A" * 22) == code


def test_a_power_beyond_all_integers_is_refused() -> None:
    world = four_equals()
    said = payload(world, MemberPropose, action=Admit(member("eve", 77)), proposal="A" * 22)
    for power in (2**53, 2**64, 10**300):
        huge = said.replace(b'"power":77', b'"power":%d' % power)
        code = refusal_of(world, sign_envelope(huge, world.keys["ada"]))
        assert code in ("malformed", "refused")


def test_a_proposal_has_an_id_of_its_own() -> None:
    world = four_equals()
    propose(world, "ada", Expel("di"))
    taken = {"action": Expel("cy"), "proposal": proposal_id("change")}
    assert refusal(world, "bo", MemberPropose, **taken) == "already"
    assert refusal(world, "bo", MemberPropose, action=Expel("cy"), proposal="/" * 22) == "malformed"


def test_a_member_has_a_few_open_proposals_at_most() -> None:
    world = four_equals()
    for number in range(OPEN_PROPOSALS_A_MEMBER):
        propose(world, "ada", Expel("di"), str(number))
    more = {"action": Expel("cy"), "proposal": proposal_id("more")}
    assert refusal(world, "ada", MemberPropose, **more) == "refused"
    for name in ("bo", "cy"):
        ballot(world, name, "0", approve=False)
    propose(world, "ada", Expel("cy"), "more")


def test_a_third_of_the_power_refuses_a_proposal() -> None:
    world = world_of([member("ada", 2), member("bo", 2), member("cy", 2)])
    propose(world, "ada", Expel("cy"))
    assert names(ballot(world, "cy", approve=False)) == ["proposal.refused"]
    assert refusal(world, "ada", MemberVote, approve=True, proposal=proposal_id("change")) == (
        "stale"
    )


def test_votes_are_of_validators_once_and_on_what_there_is() -> None:
    world = world_of([member("ada"), member("bo"), member("cy"), member("eve", 0, ["site"])])
    fields: dict[str, Any] = {"approve": True, "proposal": proposal_id("change")}
    assert refusal(world, "ada", MemberVote, **fields) == "refused"
    propose(world, "eve", Expel("cy"))
    assert refusal(world, "eve", MemberVote, **fields) == "role"
    ballot(world, "ada")
    assert refusal(world, "ada", MemberVote, **fields) == "already"
    assert refusal(world, "ada", MemberVote, **{**fields, "approve": False}) == "already"


def test_a_vote_is_repeated_where_expulsions_have_made_it_decisive() -> None:
    world = four_equals()
    propose(world, "ada", Admit(member("eve")), "slow")
    ballot(world, "ada", "slow")
    ballot(world, "bo", "slow")
    carry(world, Expel("di"), by=THREE, label="first")
    again = {"approve": True, "proposal": proposal_id("slow")}
    assert refusal(world, "ada", MemberVote, **again) == "already", "two of three is no quorum"
    carry(world, Expel("cy"), by=THREE, label="second")
    assert refusal(world, "ada", MemberVote, **{**again, "approve": False}) == "already"
    assert names(ballot(world, "ada", "slow")) == ["proposal.accepted", "membership.changed"]


def all_but_di_speak(world: World) -> Events:
    """Let three of four members do what is due, and time out what the fourth leaves open."""
    events: Events = ()
    for phase, speaks in (("commit", commit), ("reveal", reveal)):
        for name in THREE:
            events = speaks(world, name)
        while current(world).phase == phase:
            for name in THREE:
                events = time_out(world, name)
    for name in THREE:
        attest(world, name, THREE)
    for name in THREE:
        events = time_out(world, name)
    for name in THREE:
        events = vote(world, name, "model")
    return events


def test_what_is_accepted_takes_effect_at_once_whatever_rounds_are_open() -> None:
    world = four_equals()
    start(world)
    assert names(carry(world, Expel("di"), by=THREE)) == ["proposal.accepted", "membership.changed"]
    assert refusal(world, "di", StudyRegister, **{**TERMS, "study": "more"}) == "unknown-member"
    assert voters(world) == ["ada", "bo", "cy", "di"], "an open round keeps its voters and powers"
    assert current(world).total_power == 4
    events = all_but_di_speak(world)
    assert names(events) == ["round.closed", "round.opened"], "three of four are a quorum"
    assert participants(world) == voters(world) == ["ada", "bo", "cy"]
    assert current(world).total_power == 3


def test_an_owner_cannot_put_its_expulsion_off_by_rounds_that_are_always_open() -> None:
    world = four_equals()
    for number in range(6):
        start(world, study=f"shield-{number}", owner="di", attendance="all")
    assert "membership.changed" in names(carry(world, Expel("di"), by=THREE))
    assert "di" not in members.validator_powers(world.state)
    assert {status_of(world, f"shield-{number}").phase for number in range(6)} == {"closing"}, (
        "they would wait for a member that can speak no more"
    )


def test_further_attempts_do_without_the_votes_of_who_has_left() -> None:
    world = four_equals()
    start(world, min_sites=2)
    carry(world, Expel("di"), by=THREE)
    carry(world, Expel("cy"), by=THREE, label="second")
    assert current(world).total_power == 4, "of whom two are no quorum"
    for name in ("ada", "bo"):
        events = time_out(world, name)
    assert names(events) == ["members.silent", "attempt.failed", "round.opened"]
    assert voters(world) == ["ada", "bo"]
    assert current(world).total_power == 2


def test_a_study_that_waits_for_everybody_goes_on_without_a_validator_that_left() -> None:
    sites = [member(name) for name in THREE]
    world = world_of([*sites, member("di", roles=["validator"])])
    start(world, attendance="all", sites=THREE, per_round=3)
    events = carry(world, Expel("di"), by=THREE)
    assert names(events)[1:] == ["membership.changed", "attempt.failed", "round.opened"]
    assert voters(world) == list(THREE)


def test_a_member_admitted_while_a_round_is_open_votes_in_the_next_one() -> None:
    world = four_equals()
    start(world)
    carry(world, Admit(member("eve")), by=THREE)
    assert voters(world) == ["ada", "bo", "cy", "di"]
    drive_round(world)
    assert voters(world) == ["ada", "bo", "cy", "di", "eve"]


def test_under_contract_1_changes_wait_for_open_rounds_and_take_effect_before_the_next() -> None:
    world = four_equals(contract=1)
    start(world)
    assert names(carry(world, Expel("di"), by=THREE)) == ["proposal.accepted"]
    assert voters(world) == ["ada", "bo", "cy", "di"]
    events = drive_round(world)
    assert names(events) == ["round.closed", "membership.changed", "round.opened"]
    assert participants(world) == voters(world) == ["ada", "bo", "cy"]
    assert current(world).total_power == 3


def test_changes_wait_for_the_rounds_of_all_studies() -> None:
    world = four_equals(contract=1)
    start(world, rounds=1)
    start(world, study="lung", rounds=1)
    carry(world, Expel("di"), by=THREE)
    assert open_rounds(world) == 2
    assert "membership.changed" not in names(drive_round(world))
    assert "membership.changed" in names(drive_round(world, "lung"))
    assert open_rounds(world) == 0


def test_accepted_changes_apply_in_their_order_and_the_impossible_is_refused() -> None:
    world = four_equals(contract=1)
    start(world, rounds=1)
    carry(world, Admit(member("eve")), by=THREE, label="admit")
    carry(world, Admit(replace(member("eve"), power=9)), by=THREE, label="admit again")
    carry(world, Expel("di"), by=THREE, label="expel")
    events = drive_round(world)
    assert names(events) == [
        "round.closed", "membership.changed", "proposal.refused", "membership.changed",
        "test.opened",
    ]  # fmt: skip
    assert members.validator_powers(world.state) == {"ada": 1, "bo": 1, "cy": 1, "eve": 1}
    assert world.state.record(MEMBERS, "di", MemberRecord) is not None


def test_a_key_is_replaced_at_once_even_while_a_round_is_open() -> None:
    world = four_equals(contract=1)
    start(world, rounds=1)
    events = carry(world, rotation(world, "di", "di two", "rotate"), by=THREE, label="rotate")
    assert names(events) == ["proposal.accepted", "membership.changed"]


def test_two_waiting_expulsions_leave_somebody_to_validate() -> None:
    everybody = [member("ada"), member("bo"), member("cy", 0, ["site"])]
    world = world_of(everybody, contract=1)
    start(world, rounds=1, sites=("ada", "bo", "cy"), per_round=3)
    carry(world, Expel("ada"), by=("ada", "bo"), label="one")
    carry(world, Expel("bo"), by=("ada", "bo"), label="other")
    assert names(drive_round(world))[-2:] == ["proposal.refused", "test.opened"]
    assert members.validator_powers(world.state) == {"bo": 1}


def test_an_open_attempt_holds_changes_back_until_the_study_gives_up() -> None:
    world = four_equals(contract=1)
    start(world, max_attempts=1)
    carry(world, Expel("di"), by=THREE)
    walk_to(world, "reveal")
    for name in THREE:
        events = time_out(world, name)
    assert names(events) == ["attempt.failed", "study.failed", "membership.changed"]
    assert status_of(world).phase == "closing"
    assert open_rounds(world) == 0
