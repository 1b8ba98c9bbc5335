"""Who was silent is waited for no more until it says that it is there."""

from collections.abc import Sequence

import pytest
from tests.ledger.contract.kit import World, four_equals, names, only, refusal, say
from tests.ledger.contract.moves import (
    attest,
    commit,
    current,
    drive_round,
    participants,
    quorum_times_out,
    reveal,
    start,
    status_of,
    vote,
    voters,
)

from collegium.ledger.contract.events import Events, MembersSilent, MembersSkipped
from collegium.ledger.contract.transactions import MemberHere

THREE = ("ada", "bo", "cy")
FIRST = {"study": "heart", "round": 1, "attempt": 1}


def without_di(world: World, names_of: Sequence[str] = THREE) -> tuple[int, Events]:
    """Drive a round in which di says nothing; return how often timers had to end a phase."""
    number, timers = status_of(world).round, 0
    events: Events = ()
    while status_of(world).round == number and status_of(world).phase == "rounds":
        phase = current(world).phase
        for name in names_of:
            if current(world).phase != phase or status_of(world).round != number:
                break
            match phase:
                case "commit":
                    events = commit(world, name)
                case "reveal":
                    events = reveal(world, name)
                case "available":
                    events = attest(world, name, names_of)
                case _:
                    events = vote(world, name, f"model {number}")
        if status_of(world).round == number and current(world).phase == phase:
            timers, events = timers + 1, quorum_times_out(world)
    return timers, events


def test_one_silent_member_costs_two_timers_once() -> None:
    world = four_equals()
    start(world)
    assert without_di(world)[0] == 2
    assert participants(world) == list(THREE)
    assert voters(world) == [*THREE, "di"], "its vote still counts, and so does its absence"
    assert without_di(world)[0] == 0


def test_on_a_ledger_of_contract_1_it_costs_them_in_every_round() -> None:
    world = four_equals(contract=1)
    start(world)
    assert [without_di(world)[0] for _ in range(2)] == [2, 2]


def test_who_says_that_it_is_there_is_waited_for_again() -> None:
    world = four_equals()
    start(world, rounds=4)
    _, events = without_di(world)
    assert only(events, MembersSkipped).members == ("di",)
    assert names(say(world, "di", MemberHere, **FIRST, phase="commit")) == ["member.back"]
    assert refusal(world, "di", MemberHere, **FIRST, phase="commit") == "already"
    assert refusal(world, "di", MemberHere, **FIRST, phase="reveal") == "stale"
    assert refusal(world, "bo", MemberHere, **FIRST, phase="commit") == "stale"
    without_di(world)
    assert participants(world) == [*THREE, "di"]
    say(world, "di", MemberHere, **FIRST, phase="available")
    drive_round(world)


def test_where_too_few_would_be_left_everybody_is_waited_for() -> None:
    world = four_equals()
    start(world, min_sites=4, max_attempts=5)
    for name in THREE:
        commit(world, name)
    events = quorum_times_out(world)
    assert only(events, MembersSilent).members == ("di",)
    drive_round(world)
    assert participants(world) == [*THREE, "di"]
    assert without_di(world)[0] > 0


@pytest.mark.parametrize("others", [THREE[:2]])
def test_no_quorum_is_made_of_fewer_votes(others: Sequence[str]) -> None:
    world = four_equals()
    start(world, min_sites=2)
    without_di(world)
    for name in others:
        commit(world, name)
    quorum_times_out(world)
    for name in others:
        reveal(world, name)
    for name in others:
        attest(world, name, others)
    assert current(world).phase == "available", "two of four are no quorum"
