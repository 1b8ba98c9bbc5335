"""The second verifier takes every turn that rounds can take, in small ledgers of the contract's.

Members are expelled and admitted while a round is open, dealers are barred, and sums that may be
known bind who goes on. No blobs are there: what is looked at is the ledger alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.audit.forging import Entry, Transcript, executed, rebuilt
from tests.audit.second import second_verdict
from tests.ledger.contract.kit import World, four_equals, key_of, member, world_of
from tests.ledger.contract.moves import (
    attest,
    carry,
    commit,
    commit_masked,
    drive_round,
    fellows,
    quorum_times_out,
    reveal,
    share,
    start,
    using,
    vote,
    walk_to,
)
from tests.ledger.contract.test_governance import all_but_di_speak
from tests.mechanisms.groups.test_rules import grouped, inside
from tests.mechanisms.privacy.test_rules import lasting
from tests.mechanisms.secagg.test_rules import blame, masked, of_six, told

from collegium.canonical import encode
from collegium.ledger.contract.transactions import Admit, Expel
from collegium.ledger.genesis import encode_genesis

THREE, SITES = ("ada", "bo", "cy"), ("ada", "bo", "cy", "di")


def ledger_of(world: World) -> Transcript:
    """Return what a world has accepted, with what the contract makes of it."""
    entries = tuple(Entry(envelope, b"[]") for envelope in world.accepted)
    blank = Transcript(
        encode_genesis(world.genesis), entries, (1,) * len(entries), (bytes(32),) * len(entries)
    )
    return executed(blank)


def judged(ledger: Transcript, folder: Path) -> list[str]:
    """Return what the second verifier finds wrong with a ledger, but for blobs."""
    (folder / "blobs").mkdir(exist_ok=True)
    (folder / "ledger.log").write_bytes(rebuilt(ledger, key_of("*log")))
    return [one for one in second_verdict(folder) if "there is no blob" not in one]


def expelled_in_a_vote(contract: int = 2) -> World:
    """Who has attested and voted is expelled; its vote counts, over the powers of the round."""
    world = four_equals(contract=contract)
    start(world)
    walk_to(world, "vote")
    for name in ("di", "ada"):
        vote(world, name, "model 1")
    carry(world, Expel("di"), by=THREE)
    vote(world, "bo", "model 1")
    if contract > 1:
        drive_round(world)
    return world


def expelled_before_it_spoke() -> World:
    """A round closes without a member that was expelled while it was open."""
    world = four_equals()
    start(world)
    carry(world, Expel("di"), by=THREE)
    all_but_di_speak(world)
    return world


def expelled_before_another_attempt() -> World:
    """A further attempt has the same participants, and the voters that are left."""
    world = four_equals()
    start(world)
    carry(world, Expel("di"), by=THREE)
    quorum_times_out(world)
    for name in THREE:
        commit(world, name)
    quorum_times_out(world)
    for name in THREE:
        reveal(world, name)
    for name in THREE:
        attest(world, name, THREE)
    for name in THREE:
        vote(world, name, "model 1")
    return world


def expelled_where_everybody_is_waited_for() -> World:
    """A validator's expulsion ends the attempt in the entry of the deciding vote."""
    people = [member("ada"), member("bo"), member("cy"), member("di", 1, ["validator"])]
    world = world_of(people)
    start(world, attendance="all", sites=THREE, per_round=3)
    carry(world, Expel("di"), by=THREE)
    drive_round(world)
    return world


def admitted_in_a_round() -> World:
    """Who is admitted while a round is open votes from the next one on."""
    world = four_equals()
    start(world)
    carry(world, Admit(member("eve")), by=THREE)
    drive_round(world)
    return world


def barred_by_holders() -> World:
    """Three of four refuse a deal: its dealer takes part no more, in this round and later ones."""
    world = masked("commit")
    commit_masked(world, "ada", SITES)
    for name in ("bo", "cy", "di"):
        commit_masked(world, name, ("bo", "cy", "di"))
    return close(world, ("bo", "cy", "di"))


def barred_in_a_group() -> World:
    """The same inside a group."""
    world = grouped("commit")
    dealer = inside(world, 1)[2]
    for name in tuple(f"s{number}" for number in range(1, 10)):
        commit_masked(world, name, [one for one in fellows(world, name) if one != dealer])
    return world


def barred_by_votes(contract: int = 2) -> World:
    """More than a third of the power, or a third under contract 1, blames a dealer."""
    world = of_six(contract)
    vote(world, "e", "new", told())
    for name in "bcd"[: 1 + contract]:
        blame(world, name, "a")
    return world


def known_to_fewer() -> World:
    """An attempt fails once its sum may be known: only who is in the sum goes on."""
    world = masked("available")
    for name in SITES:
        attest(world, name, THREE)
    share(world, "ada")
    quorum_times_out(world)
    return world


def without_room() -> World:
    """A site whose budget is spent has no place in further rounds."""
    world = four_equals()
    start(world, **using(lasting(1)), rounds=3, per_round=2, min_sites=1)
    drive_round(world)
    return world


def close(world: World, people: tuple[str, ...]) -> World:
    """Let a masked round close with these members alone, and another open."""
    walk_to(world, "vote")
    for name in people:
        vote(world, name, "new", told())
    return world


HISTORIES: tuple[Callable[[], World], ...] = (
    expelled_in_a_vote, expelled_before_it_spoke, expelled_before_another_attempt,
    expelled_where_everybody_is_waited_for, admitted_in_a_round, barred_by_holders,
    barred_in_a_group, barred_by_votes, known_to_fewer, without_room,
    lambda: expelled_in_a_vote(contract=1), lambda: barred_by_votes(contract=1),
)  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES)
def test_it_takes_what_the_contract_does(history: Callable[[], World], tmp_path: Path) -> None:
    assert judged(ledger_of(history()), tmp_path) == []


def last(ledger: Transcript, kind: str, **changed: object) -> Transcript:
    """Return the ledger with another word in the last event of a kind."""
    for index in reversed(range(len(ledger.entries))):
        entry = ledger.entries[index]
        events = json.loads(entry.events)
        for event in events:
            if event["event"] == kind:
                event.update(changed)
                return ledger.with_entry(index, replace(entry, events=encode(events)))
    raise LookupError(kind)


@pytest.mark.parametrize(
    ("history", "kind", "changed", "told_of"),
    [
        (expelled_in_a_vote, "round.opened", {"validators": list(SITES), "powers": [1] * 4},
         "take part"),
        (expelled_before_another_attempt, "round.closed", {"power": 2}, "no quorum"),
        (barred_by_holders, "round.opened", {"participants": list(SITES), "weights": [64] * 4},
         "take part"),
        (barred_by_holders, "dealer.barred", {"member": "bo"}, "half of its holders"),
        (barred_in_a_group, "dealer.barred", {"member": "s9"}, "half of its holders"),
        (barred_by_votes, "dealer.barred", {"member": "b"}, "by too few"),
        (known_to_fewer, "round.opened", {"participants": list(SITES), "weights": [64] * 4},
         "take part"),
    ],
)  # fmt: skip
def test_it_takes_nothing_else(
    history: Callable[[], World], kind: str, changed: dict[str, object], told_of: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    findings = judged(last(ledger_of(history()), kind, **changed), tmp_path)
    assert any(told_of in one for one in findings), findings
