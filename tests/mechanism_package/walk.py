"""What the contract does with a mechanism that another package brings.

Run by test_their_mechanism.py in a process in which the package is installed.
"""

from __future__ import annotations

from typing import Any

from tests.ledger.contract.kit import (
    World,
    digest,
    envelope,
    four_equals,
    names,
    only,
    refusal,
    replayed,
    say,
)
from tests.ledger.contract.moves import (
    TERMS,
    attest,
    carry,
    commit_fields,
    current,
    for_model,
    here,
    parts,
    proposal_id,
    quorum_times_out,
    reveal,
    start,
    status_of,
    using,
    vote,
    walk_to,
)
from tests.ledger.contract.test_modules import NATURAL_KEYS, natural_keys
from tests.mechanism_package.their_mechanism.terms import (
    Allowed,
    Forgive,
    Missing,
    ReceiptPost,
    ReceiptsGathered,
    ReceiptsMissed,
    ReceiptTerms,
    Seal,
)

from collegium.cli.node_lines import change_lines
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import (
    AttemptFailed,
    PhaseOpened,
    RoundOpened,
    decode_events,
    encode_events,
)
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import (
    Adopt,
    MemberPropose,
    PhaseTimeout,
    RoundVote,
    StudyRegister,
    UpdateCommit,
    natural_key,
)
from collegium.ledger.envelope import decode_envelope
from collegium.node.membership import Change, proposable

SITES = ("ada", "bo", "cy", "di")
ONE_MAY_MISS = using(ReceiptTerms(most=1))


def receipt(world: World, who: str) -> Any:
    """Give a receipt."""
    return say(world, who, ReceiptPost, **here(world), digest=digest(f"seen by {who}"))


def seal(world: World, who: str) -> Any:
    """Commit, and say that a receipt will be given."""
    fields = {**commit_fields(world, who, here(world)), **parts("commit", Seal(will="yes"))}
    return say(world, who, UpdateCommit, **fields)


def go_to_receipts(world: World) -> World:
    """Let everybody do what is due until participants give receipts."""
    for name in SITES:
        seal(world, name)
    for name in SITES:
        reveal(world, name)
    for name in SITES:
        attest(world, name, SITES)
    assert current(world).phase == "receipt"
    return world


def in_receipts() -> World:
    """Return a consortium whose participants give receipts next."""
    world = four_equals()
    start(world, **ONE_MAY_MISS)
    return go_to_receipts(world)


def test_an_attempt_has_its_phase_and_a_round_closes_with_its_part() -> None:
    world = four_equals()
    opened = only(start(world, **ONE_MAY_MISS), RoundOpened)
    assert part_of(opened.parts, Allowed) == Allowed(most=1)
    go_to_receipts(world)
    for name in SITES[:3]:
        assert receipt(world, name) == ()
    events = receipt(world, "di")
    assert names(events) == ["receipts.gathered", "phase.opened"]
    assert only(events, ReceiptsGathered).members == SITES
    assert only(events, PhaseOpened).phase == "vote"
    for name in SITES[:2]:
        vote(world, name, "new", Missing(count=0))
    events = vote(world, "cy", "new", Missing(count=0))
    assert names(events) == ["round.closed", "receipts.missed", "round.opened"]
    assert decode_events(encode_events(events)) == events
    assert replayed(world).root() == world.state.root()


def test_its_hook_ends_training_early() -> None:
    world = in_receipts()
    for name in SITES[:3]:
        receipt(world, name)
    assert only(quorum_times_out(world), ReceiptsGathered).members == SITES[:3]
    vote(world, "ada", "new", Missing(count=1))
    vote(world, "bo", "new", Missing(count=0))
    vote(world, "cy", "new", Missing(count=1))
    events = vote(world, "di", "new", Missing(count=1))
    assert only(events, ReceiptsMissed).count == 1
    assert status_of(world).phase == "evaluation"


def test_its_phase_fails_an_attempt() -> None:
    world = in_receipts()
    for name in SITES[:2]:
        receipt(world, name)
    events = quorum_times_out(world)
    assert names(events)[-2:] == ["attempt.failed", "round.opened"]
    assert only(events, AttemptFailed).reason == "receipts"


def test_members_vote_on_what_it_lets_them_propose() -> None:
    world = four_equals()
    start(world, "other", rounds=1)
    stranger = {"action": Forgive("eve"), "proposal": proposal_id("eve")}
    assert refusal(world, "ada", MemberPropose, **stranger) == "refused"
    while status_of(world, "other").phase == "rounds":
        walk_to(world, "vote", "other")
        for name in SITES[:3]:
            vote(world, name, "other", study="other")
    for name in ("cy", "di"):
        assert "membership.changed" in names(carry(world, Forgive(name), SITES[:3], name))
    start(world, **ONE_MAY_MISS)
    go_to_receipts(world)
    for name in SITES[:2]:
        receipt(world, name)
    assert names(quorum_times_out(world))[-1] == "phase.opened", "nobody is missing"


def test_what_is_said_of_it_in_a_study_without_it_is_malformed() -> None:
    world = four_equals()
    start(world)
    fields = {**commit_fields(world, "ada", here(world)), **parts("commit", Seal(will="no"))}
    assert refusal(world, "ada", UpdateCommit, **fields) == "malformed"
    walk_to(world, "vote")
    told = for_model("new", Missing(count=0))
    assert refusal(world, "ada", RoundVote, **here(world), **told) == "malformed"
    post = {**here(world), "digest": digest("seen")}
    assert refusal(world, "ada", ReceiptPost, **post) == "early"
    assert refusal(world, "ada", PhaseTimeout, **here(world), phase="receipt") == "malformed"


def test_what_is_not_said_of_it_in_a_study_with_it_is_malformed() -> None:
    world = four_equals()
    start(world, **ONE_MAY_MISS)
    fields = commit_fields(world, "ada", here(world))
    assert refusal(world, "ada", UpdateCommit, **fields) == "malformed"
    go_to_receipts(world)
    for name in SITES:
        receipt(world, name)
    assert refusal(world, "ada", RoundVote, **here(world), **for_model("new")) == "malformed"


def test_its_hook_refuses_a_registration() -> None:
    terms = {**TERMS, **using(ReceiptTerms(most=4))}
    assert refusal(four_equals(), "ada", StudyRegister, **terms) == "refused"


def test_its_phase_is_one_of_the_attempt_s() -> None:
    world = four_equals()
    start(world, **ONE_MAY_MISS)
    post = {**here(world), "digest": digest("seen")}
    assert refusal(world, "ada", ReceiptPost, **post) == "early"
    assert refusal(world, "ada", PhaseTimeout, **here(world), phase="receipt") == "early"
    go_to_receipts(world)
    receipt(world, "ada")
    assert refusal(world, "ada", ReceiptPost, **post) == "already"
    assert refusal(world, "ada", PhaseTimeout, **here(world), phase="vote") == "early"
    assert refusal(world, "ada", PhaseTimeout, **here(world), phase="commit") == "stale"
    receipt(world, "bo")
    receipt(world, "cy")
    receipt(world, "di")
    assert refusal(world, "ada", ReceiptPost, **post) == "stale"


def without_it() -> World:
    """Return a consortium whose ledger does not admit what is installed."""
    return four_equals(modules=["plain@1"])


def test_where_it_is_not_admitted_everything_of_it_is_malformed_as_if_it_were_not_there() -> None:
    world = without_it()
    start(world)
    place = here(world)
    said: list[tuple[Any, dict[str, Any]]] = [
        (ReceiptPost, {**place, "digest": digest("seen")}),
        (UpdateCommit, {**place, "commitment": digest("x"), **parts("commit", Seal(will="no"))}),
        (RoundVote, {**place, **for_model("new", Missing(count=0))}),
        (MemberPropose, {"action": Forgive("ada"), "proposal": proposal_id("one")}),
        (StudyRegister, {**TERMS, "study": "x", **ONE_MAY_MISS}),
    ]
    for kind, fields in said:
        assert refusal(world, "ada", kind, **fields) == "malformed"
        assert refusal(world, "stranger", kind, **fields) == "malformed"
    named = {**TERMS, "study": "x", "modules": ONE_MAY_MISS["modules"]}
    assert refusal(world, "ada", StudyRegister, **named) == "refused"


def test_members_adopt_it_and_then_use_it() -> None:
    world = without_it()
    carry(world, Adopt("receipts@1"), SITES[:3], "adopt")
    start(world, **ONE_MAY_MISS)
    go_to_receipts(world)
    assert replayed(world).root() == world.state.root()


def test_it_changes_no_natural_key_but_those_of_its_own_transactions() -> None:
    world = four_equals()
    assert natural_keys(world) == NATURAL_KEYS
    said = envelope(world, "ada", ReceiptPost, study="s", round=1, attempt=1, digest=digest("x"))
    found = natural_key(decode_transaction(decode_envelope(said).payload))
    assert found == ("receipt.post", "s", "1", "1", digest("x"))


def test_a_command_line_can_propose_what_it_lets_members_propose() -> None:
    action = proposable()["forgive"]("ada")
    assert action == Forgive("ada")
    change = Change(proposal="x", action=action, proposer="bo", status="open", yes=(), no=())
    assert next(change_lines(change)) == "x  ask ada for no more receipts"
