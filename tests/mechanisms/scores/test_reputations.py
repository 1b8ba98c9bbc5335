"""Reputations: slow to rise, quick to fall, never a reason to exclude, and open to appeal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import World, four_equals, names, only, refusal
from tests.ledger.contract.moves import (
    LOSSES,
    SCORED,
    carry,
    drive_round,
    participants,
    proposal_id,
    score_all,
    start,
    status_of,
    using,
    vote,
    voters,
    walk_to,
)
from tests.ledger.vectors import VECTORS

from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import Events, RoundOpened
from collegium.ledger.contract.tables import powers, round_path
from collegium.ledger.contract.transactions import MemberPropose
from collegium.mechanisms.scores import reputations
from collegium.mechanisms.scores.reputations import MOST_GOOD, NEW, Reputation, after, value_of
from collegium.mechanisms.scores.terms import (
    UNIT,
    MemberDemoted,
    MemberReinstated,
    Reputations,
    ReputationsChanged,
    Restore,
    ScoreTerms,
)

FOUR = ("ada", "bo", "cy", "di")
TERMS: ScoreTerms = LOSSES


def scored_rounds(world: World, rounds: int, scores: dict[str, int]) -> Events:
    """Let rounds close in which everybody says of each site what is given, else that it helps."""
    events: Events = ()
    for _ in range(rounds):
        walk_to(world, "score.commit")
        told = [scores.get(name, 5) for name in participants(world)]
        score_all(world, dict.fromkeys(scorers_of(world), told))
        number = status_of(world).round
        for name in voters(world):
            events = vote(world, name, f"model {number}")
            if status_of(world).closed_rounds == number:
                break
    return events


def scorers_of(world: World) -> list[str]:
    return list(powers(world.state, round_path("heart", status_of(world).round, "scorers")))


def world_with(**terms: Any) -> World:
    world = four_equals()
    start(world, **{**SCORED, "rounds": 60, **terms})
    return world


def course(scores: list[int], start_at: Reputation = NEW) -> list[int]:
    found, now = [], start_at
    for score in scores:
        now = after(now, score, TERMS)
        found.append(value_of(now))
    return found


def test_the_beta_reputation_in_integers() -> None:
    assert value_of(NEW) == UNIT // 2
    assert course([1]) == [2 * UNIT // 3]
    assert course([-1]) == [UNIT * UNIT // (5 * UNIT)]
    assert after(NEW, 0, TERMS).good == UNIT, "the threshold itself speaks for a site"


def test_gain_is_capped_and_loss_is_fast() -> None:
    long = course([1] * 200)
    assert all(one <= other for one, other in pairwise(long))
    assert max(long) == 7 * UNIT // 8
    # Two hundred good rounds buy no more than eight do, and four bad ones undo them.
    assert course([1] * 8)[-1] == long[-1]
    assert course([1] * 200 + [-1] * 4)[-1] < TERMS.demote + UNIT // 16
    assert course([1] * 200 + [-1] * 5)[-1] < TERMS.demote
    # To come back takes longer than to fall.
    fallen = course([1] * 200 + [-1] * 5 + [1] * 100)
    back = next(index for index, one in enumerate(fallen[205:]) if one >= UNIT // 2)
    assert back > 10


@pytest.mark.parametrize(("bad", "rounds"), [(1, 3), (5, 18), (20, 40), (100, 50), (5000, 50)])
def test_forgetting_bounds_how_long_a_site_needs_to_come_back(bad: int, rounds: int) -> None:
    now = NEW
    for _ in range(bad):
        now = after(now, -1, TERMS)
    assert now.demoted
    assert now.bad <= 64 * UNIT, "three for each round, of which three of 64 parts are forgotten"
    demoted = []
    for _ in range(60):
        now = after(now, 1, TERMS)
        demoted.append(now.demoted)
    assert demoted == [True] * (rounds - 1) + [False] * (61 - rounds)


@given(st.lists(st.integers(-3, 3), max_size=60))
def test_a_reputation_stays_within_its_bounds(scores: list[int]) -> None:
    now = NEW
    for score in scores:
        now = after(now, score, TERMS)
        assert 0 <= now.good <= MOST_GOOD
        assert 0 < value_of(now) <= 7 * UNIT // 8


def test_bad_scores_demote_and_good_ones_reinstate() -> None:
    world = world_with()
    events = scored_rounds(world, 1, {"di": -5})
    demoted = only(events, MemberDemoted)
    assert (demoted.member, demoted.loses, demoted.reputation) == ("di", "weight", UNIT // 5)
    assert only(events, ReputationsChanged).reputations == (2 * UNIT // 3,) * 3 + (UNIT // 5,)
    opened = only(events, RoundOpened)
    assert opened.participants == FOUR, "a demoted site takes part as before"
    assert opened.weights == (64, 64, 64, 32)
    values = (2 * UNIT // 3,) * 3 + (UNIT // 5,)
    assert part_of(opened.parts, Reputations) == Reputations(values=values)
    back = 1
    while MemberReinstated not in map(type, events):
        events = scored_rounds(world, 1, {})
        back += 1
    assert only(events, MemberReinstated).member == "di"
    assert only(events, RoundOpened).weights == (64,) * 4
    assert back == 4


def test_demotion_from_scoring_takes_the_say_of_a_third_at_most() -> None:
    terms = ScoreTerms(by="loss", demote=3 * UNIT // 10, demotion="scoring", threshold=0)
    world = world_with(**using(terms))
    events = scored_rounds(world, 1, {"di": -5, "cy": -9})
    assert [one.member for one in events if isinstance(one, MemberDemoted)] == ["cy", "di"]
    opened = only(events, RoundOpened)
    assert (opened.participants, opened.weights, opened.validators) == (FOUR, (64,) * 4, FOUR)
    assert scorers_of(world) == ["ada", "bo", "di"], "one of four, and not both"


def test_no_number_of_bad_scores_excludes_a_site() -> None:
    world = world_with()
    events = scored_rounds(world, 40, {"di": -(2**40), "cy": -1})
    opened = only(events, RoundOpened)
    assert opened.participants == FOUR
    assert opened.weights == (64, 64, 32, 32), "halved once, not again and again"
    assert min(opened.weights) >= 1


def test_without_a_bound_nobody_is_demoted() -> None:
    world = world_with(**using(ScoreTerms(by="loss", demote=0, demotion="weight", threshold=0)))
    events = scored_rounds(world, 10, {"di": -5})
    assert only(events, RoundOpened).weights == (64,) * 4
    assert "member.demoted" not in names(events)


def test_members_restore_a_standing_and_scores_take_it_no_more() -> None:
    world = world_with()
    scored_rounds(world, 3, {"di": -5})
    assert reputations.reputation_of(world.state, "heart", "di").demoted
    changed = carry(world, Restore("di", "heart"), by=FOUR[:3])
    assert names(changed) == ["proposal.accepted", "membership.changed"]
    events = scored_rounds(world, 1, {"di": -5})
    assert only(events, RoundOpened).weights == (64,) * 4
    events = scored_rounds(world, 5, {"di": -5})
    assert only(events, RoundOpened).weights == (64,) * 4
    assert "member.demoted" not in names(events)


@pytest.mark.parametrize(("member", "study"), [("eve", "heart"), ("ada", "lung"), ("ada", "plain")])
def test_there_must_be_a_standing_to_restore(member: str, study: str) -> None:
    world = world_with()
    start(world, "plain")
    fields = {"action": Restore(member, study), "proposal": proposal_id("one")}
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"


def test_a_standing_is_restored_once_and_while_a_study_trains() -> None:
    world = world_with(rounds=2)
    carry(world, Restore("di", "heart"), by=FOUR[:3], label="first")
    scored_rounds(world, 1, {})
    fields = {"action": Restore("di", "heart"), "proposal": proposal_id("again")}
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"
    drive_round(world)
    fields = {"action": Restore("cy", "heart"), "proposal": proposal_id("late")}
    assert refusal(world, "ada", MemberPropose, **fields) == "refused"


def test_the_course_of_the_vectors_is_what_the_page_says() -> None:
    course = VECTORS["reputations"]["course"]
    good = bad = 0
    demoted = False
    for one in course:
        good, bad = good * 61 // 64, bad * 61 // 64
        if one["score"] >= 0:
            good = min(good + 2**20, 6 * 2**20)
        else:
            bad += 3 * 2**20
        value = (good + 2**20) * 2**20 // (good + bad + 2**21)
        demoted = value < (2**19 if demoted else VECTORS["reputations"]["terms"]["demote"])
        assert one == {**one, "good": good, "bad": bad, "reputation": value, "demoted": demoted}
    standing = [one["demoted"] for one in course]
    assert (standing[0], any(standing), standing[-1]) == (False, True, False)
