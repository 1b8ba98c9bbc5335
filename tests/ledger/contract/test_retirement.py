"""Updates are retired after their study: one's own by one's word, everybody's by a quorum, once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    four_equals,
    member,
    only,
    refusal,
    replayed,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    abandon,
    carry,
    close,
    evaluate,
    register,
    release,
    start,
    status_of,
    train,
)

from collegium.ledger.contract.events import UpdatesRetired
from collegium.ledger.contract.retirement import EVERYBODY, is_retired
from collegium.ledger.contract.transactions import BlobRetire, Expel, natural_key

ALL: dict[str, Any] = {"study": "heart", "round": 0, "updates": "all"}
OWN: dict[str, Any] = {"study": "heart", "round": 0, "updates": "own"}
SITES = ("ada", "bo", "cy", "di")


@pytest.fixture
def world() -> World:
    """A study of two rounds that is closed."""
    world = four_equals()
    finish(world)
    return world


def finish(world: World, sites: tuple[str, ...] = SITES) -> None:
    train(world, sites=sites, per_round=len(sites))
    for name in sites:
        evaluate(world, name)
    release(world)
    close(world)


def test_a_site_retires_its_own_updates_by_its_word(world: World) -> None:
    event = only(say(world, "bo", BlobRetire, **OWN), UpdatesRetired)
    assert (event.study, event.round, event.members) == ("heart", 0, ("bo",))
    assert is_retired(world.state, "heart", 1, "bo")
    assert not is_retired(world.state, "heart", 1, "ada")
    assert not is_retired(world.state, "heart", 0, EVERYBODY)


def test_everybodys_updates_take_a_quorum(world: World) -> None:
    assert say(world, "ada", BlobRetire, **ALL) == ()
    assert say(world, "bo", BlobRetire, **ALL) == ()
    assert not is_retired(world.state, "heart", 2, "cy")
    event = only(say(world, "cy", BlobRetire, **ALL), UpdatesRetired)
    assert (event.round, event.members) == (0, SITES)
    assert all(is_retired(world.state, "heart", 2, name) for name in SITES)


def test_a_vote_is_cast_once(world: World) -> None:
    say(world, "ada", BlobRetire, **ALL)
    assert refusal(world, "ada", BlobRetire, **ALL) == "already"


def test_votes_for_one_round_and_for_all_are_counted_apart(world: World) -> None:
    for name in ("ada", "bo"):
        say(world, name, BlobRetire, **{**ALL, "round": 1})
        assert say(world, name, BlobRetire, **{**ALL, "round": 2}) == ()
    assert say(world, "cy", BlobRetire, **ALL) == ()
    only(say(world, "cy", BlobRetire, **{**ALL, "round": 1}), UpdatesRetired)
    assert is_retired(world.state, "heart", 1, "di")
    assert not is_retired(world.state, "heart", 2, "di")


def test_what_is_retired_is_retired_once(world: World) -> None:
    say(world, "bo", BlobRetire, **{**OWN, "round": 1})
    assert refusal(world, "bo", BlobRetire, **{**OWN, "round": 1}) == "already"
    say(world, "bo", BlobRetire, **OWN)
    assert refusal(world, "bo", BlobRetire, **{**OWN, "round": 2}) == "already"
    for name in ("ada", "bo", "cy"):
        say(world, name, BlobRetire, **ALL)
    for fields in (ALL, OWN, {**ALL, "round": 2}, {**OWN, "round": 2}):
        assert refusal(world, "di", BlobRetire, **fields) == "already"


def test_nothing_is_retired_before_the_study_is_closed() -> None:
    world = four_equals()
    assert refusal(world, "ada", BlobRetire, **OWN) == "unknown-study"
    register(world)
    assert refusal(world, "ada", BlobRetire, **ALL) == "early"
    world = four_equals()
    start(world)
    assert refusal(world, "ada", BlobRetire, **{**OWN, "round": 1}) == "early"
    world = four_equals()
    train(world)
    assert refusal(world, "ada", BlobRetire, **OWN) == "early"
    for name in SITES:
        evaluate(world, name)
    assert refusal(world, "ada", BlobRetire, **OWN) == "early"
    release(world)
    assert refusal(world, "ada", BlobRetire, **OWN) == "early"


def test_the_updates_of_a_failed_study_are_retired_too() -> None:
    world = four_equals()
    start(world, attendance="all")
    for name in ("ada", "bo", "cy"):
        abandon(world, name)
    close(world)
    assert status_of(world).outcome == "failed"
    only(say(world, "ada", BlobRetire, **{**OWN, "round": 1}), UpdatesRetired)
    assert refusal(world, "ada", BlobRetire, **{**OWN, "round": 2}) == "refused"


def test_a_round_that_was_not_is_refused(world: World) -> None:
    assert refusal(world, "ada", BlobRetire, **{**ALL, "round": 3}) == "refused"
    assert refusal(world, "ada", BlobRetire, **{**OWN, "round": 2**31}) == "refused"
    assert refusal(world, "ada", BlobRetire, **{**OWN, "round": -1}) == "malformed"
    assert refusal(world, "ada", BlobRetire, **{**OWN, "updates": "bo"}) == "malformed"


def test_only_sites_of_the_study_have_own_updates_and_only_validators_vote() -> None:
    people = [member(name) for name in ("ada", "bo", "cy")]
    world = world_of([
        *people, member("eve", 0, ["site"]), member("fay", 0, ["owner"]),
        member("gil", 1, ["validator"]),
    ])  # fmt: skip
    finish(world, ("ada", "bo", "eve"))
    assert refusal(world, "fay", BlobRetire, **OWN) == "not-a-participant"
    assert refusal(world, "gil", BlobRetire, **OWN) == "not-a-participant"
    assert refusal(world, "eve", BlobRetire, **ALL) == "role"
    assert refusal(world, "stranger", BlobRetire, **ALL) == "unknown-member"
    only(say(world, "eve", BlobRetire, **OWN), UpdatesRetired)
    say(world, "gil", BlobRetire, **ALL)
    say(world, "ada", BlobRetire, **ALL)
    event = only(say(world, "bo", BlobRetire, **ALL), UpdatesRetired)
    assert event.members == ("ada", "bo", "eve")


def test_a_vote_is_repeated_where_expulsions_have_made_it_decisive(world: World) -> None:
    for name in ("ada", "bo"):
        say(world, name, BlobRetire, **ALL)
    carry(world, Expel("di"), ("ada", "bo", "cy"), "first")
    assert refusal(world, "ada", BlobRetire, **ALL) == "already"
    carry(world, Expel("cy"), ("ada", "bo", "cy"), "second")
    only(say(world, "ada", BlobRetire, **ALL), UpdatesRetired)


def test_who_was_expelled_retires_nothing(world: World) -> None:
    carry(world, Expel("di"), ("ada", "bo", "cy"))
    assert refusal(world, "di", BlobRetire, **OWN) == "unknown-member"


def test_own_and_all_of_each_round_are_said_apart() -> None:
    said = [
        natural_key(BlobRetire(format=1, genesis="", **{**ALL, "round": number, "updates": whose}))
        for number in (0, 1)
        for whose in ("own", "all")
    ]
    assert len(set(said)) == 4


def test_another_instance_comes_to_the_same_state(world: World) -> None:
    say(world, "bo", BlobRetire, **OWN)
    for name in ("ada", "bo", "cy"):
        say(world, name, BlobRetire, **{**ALL, "round": 2})
    assert replayed(world).root() == world.state.root()
