"""Masks in a graph: who is whose neighbour is nobody's choice, and a sum needs enough of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import (
    World,
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
    commit_fields,
    commit_masked,
    current,
    dealers_to,
    here,
    participants,
    quorum_times_out,
    share,
    sound_deals,
    start,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract.declared import together
from collegium.ledger.contract.events import AttemptFailed, UpdatesIncluded
from collegium.ledger.contract.transactions import StudyRegister, UpdateCommit
from collegium.mechanisms.dealing.terms import DealerBarred, DealingTerms
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.secagg_plus.graph import draw_graph, harary
from collegium.mechanisms.secagg_plus.terms import GraphTerms

SITES = ("ada", "bo", "cy", "di", "ed", "flo")


def in_graph(threshold: int = 3, degree: int = 4, carrier: str = "secagg_plus@1") -> dict[str, Any]:
    """Return the fields of a registration with masks in a graph."""
    terms = [DealingTerms(threshold=threshold), GraphTerms(degree=degree)]
    return {
        "modules": tuple(sorted({"dealing@1", carrier})), "terms": together("terms", terms),
    }  # fmt: skip


GRAPH: dict[str, Any] = {**in_graph(), "min_sites": 2, "sites": SITES, "per_round": 6}
KEYS = tuple((name, bytes([index]) * 64) for index, name in enumerate(SITES))


def masked(phase: str) -> World:
    """Return a consortium of six whose first round, masked in a graph, is in a phase."""
    return come_to(world_of([member(name) for name in SITES]), phase, **GRAPH)


def stranger_to(world: World, who: str) -> str:
    """Return the one member that is no neighbour: of six, each has four."""
    return next(name for name in SITES if name not in {who, *dealers_to(world, who)})


@given(st.integers(1, 40), st.integers(1, 20))
def test_everybody_has_so_many_neighbours_on_both_sides_of_a_ring(count: int, half: int) -> None:
    ring = [f"s{number}" for number in range(count)]
    graph = harary(ring, 2 * half)
    for place, name in enumerate(ring):
        assert len(set(graph[name])) == min(2 * half, count - 1)
        assert all(name in graph[other] for other in graph[name])
        if count > 2 * half + 1:
            near = {ring[(place + step) % count] for step in range(-half, half + 1)}
            assert set(graph[name]) == near - {name}


def test_a_graph_follows_from_everybodys_keys_and_the_attempt() -> None:
    drawn = draw_graph("heart", 3, 1, KEYS, 2)
    assert drawn == draw_graph("heart", 3, 1, KEYS, 2)
    others = [draw_graph("heart", 3, attempt, KEYS, 2) for attempt in range(2, 5)]
    others.append(draw_graph("heart", 3, 1, (*KEYS[:5], ("flo", bytes(64))), 2))
    assert all(drawn != other for other in others)


def test_places_are_drawn_evenly() -> None:
    pairs = {
        frozenset((name, other))
        for attempt in range(1, 25)
        for name, found in draw_graph("heart", 1, attempt, KEYS, 2).items()
        for other in found
    }
    assert len(pairs) == 15, "in 24 draws everybody was everybody's neighbour"


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({}, None),
        (in_graph(degree=3), "refused"),
        (in_graph(2), "refused"),  # half of the neighbours, twice
        (in_graph(5), "refused"),
        (in_graph(5, degree=6), None),  # five others, all of them neighbours
        (in_graph(6, degree=6), "refused"),
        (in_graph(5, carrier="secagg@1"), "malformed"),
        (in_graph(carrier="plain@1"), "malformed"),
    ],
)
def test_a_registered_graph_is_one_that_can_be_drawn(
    terms: dict[str, Any], code: str | None
) -> None:
    world = world_of([member(name) for name in SITES])
    fields = {**TERMS, **GRAPH, **terms}
    if code is None:
        say(world, "ada", StudyRegister, **fields)
    else:
        assert refusal(world, "ada", StudyRegister, **fields) == code


def test_a_design_with_a_graph_needs_a_degree() -> None:
    world = world_of([member(name) for name in SITES])
    fields = {**TERMS, **GRAPH, "terms": together("terms", [DealingTerms(threshold=3)])}
    assert refusal(world, "ada", StudyRegister, **fields) == "malformed"


def test_a_round_in_a_graph_goes_from_keys_to_votes_and_replays() -> None:
    world = masked("vote")
    assert replayed(world).root() == world.state.root()


def test_a_member_speaks_of_its_neighbours_deals_alone() -> None:
    world = masked("commit")
    fields = commit_fields(world, "ada", here(world))
    for named in (stranger_to(world, "ada"), "ada"):
        said = sound_deals(world, [named])
        assert refusal(world, "ada", UpdateCommit, **fields, **said) == "malformed"
    commit_masked(world, "ada", dealers_to(world, "ada"))


def test_a_deal_is_judged_by_its_dealers_neighbours() -> None:
    world = masked("commit")
    for name in SITES:
        sound = [one for one in dealers_to(world, name) if one != "ada"]
        events = commit_masked(world, name, sound)
    assert names(events) == ["dealer.barred", "attempt.failed", "round.opened"]
    barred = only(events, DealerBarred)
    assert (barred.member, barred.proof) == ("ada", "refused")


def test_a_neighbour_more_or_less_is_survived() -> None:
    world = masked("available")
    gone = "cy"
    for name in SITES:
        events = attest(world, name, [one for one in SITES if one != gone])
    assert gone not in only(events, UpdatesIncluded).members
    for name in SITES:
        if name != gone:
            share(world, name, len(dealers_to(world, name)))
    assert (current(world).phase, current(world).attempt) == ("vote", 1)


def test_who_keeps_too_few_neighbours_fails_the_attempt_before_any_share_is_posted() -> None:
    world = masked("available")
    gone = dealers_to(world, "ada")[:2]
    for name in SITES:
        events = attest(world, name, [one for one in SITES if one not in gone])
    failed = only(events, AttemptFailed)
    assert failed.reason == "too-few"
    assert (current(world).attempt, current(world).phase) == (2, "sa.keys")


def test_who_keeps_too_few_neighbours_when_updates_are_committed_fails_the_attempt() -> None:
    world = masked("commit")
    silent = dealers_to(world, "ada")[:2]
    for name in SITES:
        if name not in silent:
            commit_masked(world, name, dealers_to(world, name))
    assert only(quorum_times_out(world), AttemptFailed).reason == "too-few"
    assert participants(world) == list(SITES), "nobody is barred"


def test_shares_of_too_few_neighbours_fail_the_attempt() -> None:
    world = masked("share")
    silent = dealers_to(world, "ada")[:2]
    for name in SITES:
        if name not in silent:
            share(world, name, len(dealers_to(world, name)))
    assert only(quorum_times_out(world), AttemptFailed).reason == "too-few"
    assert current(world).attempt == 2


def test_a_member_posts_one_share_of_each_neighbour() -> None:
    world = masked("share")
    fields = {**here(world), "shares": to_text(bytes(32 * 6))}
    assert refusal(world, "ada", SharePost, **fields) == "malformed"
    share(world, "ada", 4)


def test_a_graph_among_few_is_complete() -> None:
    world = four_equals()
    start(world, **in_graph(2), min_sites=2)
    walk_to(world, "commit")
    assert dealers_to(world, "ada") == ["bo", "cy", "di"]
