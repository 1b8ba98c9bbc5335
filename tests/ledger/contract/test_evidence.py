"""Evidence: two signatures of one member under one natural key with different payloads."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    envelope,
    four_equals,
    only,
    refusal,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    carry,
    for_model,
    proposal_id,
    propose,
    register,
    start,
)
from tests.ledger.contract.test_governance import rotation

from collegium.canonical import to_text
from collegium.ledger.contract.events import MemberEquivocated
from collegium.ledger.contract.evidence import CONFLICTS_A_MEMBER
from collegium.ledger.contract.tables import EVIDENCE
from collegium.ledger.contract.transactions import (
    EvidenceConflict,
    Expel,
    MemberVote,
    PhaseTimeout,
    RoundVote,
    StudyAbandon,
    StudyRegister,
    Transaction,
    UpdateCommit,
    natural_key,
)
from collegium.ledger.envelope import Envelope, decode_envelope, encode_envelope

PLACE: dict[str, Any] = {"study": "heart", "round": 1, "attempt": 1}


def proof(*envelopes: bytes) -> dict[str, str]:
    """Return the fields of evidence, its halves in order of their payloads."""
    first, second = sorted(envelopes, key=lambda data: decode_envelope(data).payload)
    return {"first": to_text(first), "second": to_text(second)}


def two_votes(world: World, who: str = "di", **place: Any) -> dict[str, str]:
    """Return evidence that a member signed two votes for one place."""
    at = {**PLACE, **place}
    return proof(*(envelope(world, who, RoundVote, **at, **for_model(m)) for m in ("a", "b")))


def started() -> World:
    """Return a consortium with a study whose first round is open."""
    world = four_equals()
    start(world)
    return world


def test_two_votes_for_one_place_are_proof() -> None:
    world = started()
    events = say(world, "ada", EvidenceConflict, **two_votes(world))
    assert only(events, MemberEquivocated) == MemberEquivocated(kind="round.vote", member="di")
    assert world.state.get(EVIDENCE, "di/round.vote/heart/1/1") is not None


def test_a_conflict_is_recorded_once() -> None:
    world = started()
    say(world, "ada", EvidenceConflict, **two_votes(world))
    assert refusal(world, "bo", EvidenceConflict, **two_votes(world)) == "already"
    say(world, "bo", EvidenceConflict, **two_votes(world, attempt=2))


def test_both_halves_are_needed_and_different_and_in_order() -> None:
    world = started()
    fields = two_votes(world)
    swapped = {"first": fields["second"], "second": fields["first"]}
    assert refusal(world, "ada", EvidenceConflict, **swapped) == "malformed"
    same = {"first": fields["first"], "second": fields["first"]}
    assert refusal(world, "ada", EvidenceConflict, **same) == "malformed"


@pytest.mark.parametrize(
    "other",
    [
        (RoundVote, {**PLACE, "attempt": 2, **for_model("b")}),
        (RoundVote, {**PLACE, "round": 2, **for_model("b")}),
        (UpdateCommit, {**PLACE, "commitment": digest("b")}),
        (StudyAbandon, {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}),
    ],
)
def test_two_things_that_may_both_be_said_are_no_conflict(
    other: tuple[type[Transaction], dict[str, Any]],
) -> None:
    world = started()
    one = envelope(world, "di", RoundVote, **PLACE, **for_model("a"))
    two = envelope(world, "di", other[0], **other[1])
    assert refusal(world, "ada", EvidenceConflict, **proof(one, two)) == "refused"


def test_what_two_members_said_is_no_conflict() -> None:
    world = started()
    one = envelope(world, "di", RoundVote, **PLACE, **for_model("a"))
    two = envelope(world, "cy", RoundVote, **PLACE, **for_model("b"))
    assert refusal(world, "ada", EvidenceConflict, **proof(one, two)) == "refused"


def test_nobody_is_framed_with_a_forged_half() -> None:
    world = started()
    real = envelope(world, "di", RoundVote, **PLACE, **for_model("a"))
    other = decode_envelope(envelope(world, "di", RoundVote, **PLACE, **for_model("b")))
    forged = Envelope(other.payload, other.key_id, world.keys["ada"].sign(other.signed_bytes))
    fields = proof(real, encode_envelope(forged))
    assert refusal(world, "ada", EvidenceConflict, **fields) == "signature"


def test_strangers_and_the_log_key_cannot_equivocate() -> None:
    world = started()
    for who in ("stranger", "*log"):
        fields = two_votes(world, who)
        assert refusal(world, "ada", EvidenceConflict, **fields) == "unknown-member"


def test_a_stranger_cannot_present_evidence() -> None:
    world = started()
    assert refusal(world, "stranger", EvidenceConflict, **two_votes(world)) == "unknown-member"


def test_what_was_signed_for_another_ledger_is_no_evidence() -> None:
    world = started()
    elsewhere = world_of(world.genesis.members[1:])
    elsewhere.keys = world.keys
    fields = two_votes(elsewhere)
    assert refusal(world, "ada", EvidenceConflict, **fields) == "refused"


def test_an_expelled_member_is_still_answerable() -> None:
    world = four_equals()
    register(world)
    carry(world, Expel("di"), by=("ada", "bo", "cy"))
    events = say(world, "ada", EvidenceConflict, **two_votes(world))
    assert only(events, MemberEquivocated).member == "di"


def test_a_key_that_was_replaced_proves_nothing_any_more() -> None:
    # The state keeps the hash of a former key, not the key; docs/spec/6-transactions.md.
    world = four_equals()
    register(world)
    fields = two_votes(world)
    carry(world, rotation(world, "di", "di two"), by=("ada", "bo", "cy"))
    assert refusal(world, "ada", EvidenceConflict, **fields) == "unknown-member"


@pytest.mark.parametrize("text", ["x", "!!!!", "\u00e9", "A" * 12288, to_text(b"{}")])
def test_halves_are_envelopes(text: str) -> None:
    world = started()
    good = two_votes(world)
    for field in ("first", "second"):
        assert refusal(world, "ada", EvidenceConflict, **{**good, field: text}) == "malformed"


def test_evidence_about_evidence_is_refused() -> None:
    world = started()
    one = envelope(world, "di", EvidenceConflict, first="x", second="y")
    two = envelope(world, "di", EvidenceConflict, first="x", second="z")
    assert refusal(world, "ada", EvidenceConflict, **proof(one, two)) == "refused"


def test_a_conflict_is_about_something_on_this_ledger() -> None:
    world = started()
    assert refusal(world, "ada", EvidenceConflict, **two_votes(world, study="lung")) == (
        "unknown-study"
    )
    votes = [
        envelope(world, "di", MemberVote, approve=approve, proposal=proposal_id("change"))
        for approve in (True, False)
    ]
    assert refusal(world, "ada", EvidenceConflict, **proof(*votes)) == "refused"
    propose(world, "ada", Expel("cy"))
    say(world, "ada", EvidenceConflict, **proof(*votes))


def test_two_registrations_under_one_id_are_a_conflict() -> None:
    world = started()
    terms = [{**TERMS, "seed": seed, "sites": ("ada",)} for seed in (1, 2)]
    pair = [envelope(world, "di", StudyRegister, **one) for one in terms]
    assert only(say(world, "ada", EvidenceConflict, **proof(*pair)), MemberEquivocated)


def test_conflicts_of_one_member_are_recorded_up_to_a_number() -> None:
    world = started()
    for number in range(1, CONFLICTS_A_MEMBER + 1):
        say(world, "di", EvidenceConflict, **two_votes(world, round=number))
    assert refusal(world, "di", EvidenceConflict, **two_votes(world, round=100)) == "refused"
    say(world, "di", EvidenceConflict, **two_votes(world, "cy"))


def test_the_natural_key_is_kind_and_place() -> None:
    timer = PhaseTimeout(format=1, genesis="A" * 43, study="s", round=0, attempt=0, phase="setup")
    assert natural_key(timer) == ("phase.timeout", "s", "0", "0", "setup")
    ballot = MemberVote(format=1, genesis="A" * 43, approve=True, proposal="p" * 22)
    assert natural_key(ballot) == ("member.vote", "p" * 22)
