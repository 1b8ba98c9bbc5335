"""Rounds: who is drawn, in which ring, what a phase waits for, and how attempts fail."""

from __future__ import annotations

from math import gcd

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
    world_of,
)
from tests.ledger.contract.moves import (
    accept,
    attest,
    close,
    commit,
    commit_fields,
    current,
    drive_round,
    evaluate,
    fail,
    for_model,
    here,
    model_now,
    open_rounds,
    participants,
    quorum_times_out,
    register,
    release,
    reveal,
    start,
    status_of,
    time_out,
    vote,
    walk_to,
)

from collegium.ledger.contract.events import PhaseOpened, RoundOpened
from collegium.ledger.contract.tables import round_branch
from collegium.ledger.contract.transactions import PhaseTimeout, RoundVote, UpdateCommit
from collegium.ledger.hashing import lp, tagged_hash, u64
from collegium.ledger.state import PrunedNode

SITES = ("ada", "bo", "cy", "di")


def test_a_round_opens_with_all_that_a_participant_needs_to_know() -> None:
    world = four_equals()
    opened = only(start(world), RoundOpened)
    assert opened == RoundOpened(
        study="heart", round=1, attempt=1, design="plain@1", exponent=20, model=digest("model 0"),
        participants=SITES, weights=(64, 64, 64, 64), ring=32, room=8, validators=SITES,
        powers=(1, 1, 1, 1),
    )  # fmt: skip


@pytest.mark.parametrize(("fourth", "ring"), [(16384, 32), (24576, 32), (1, 64), (2**31, 32)])
def test_the_ring_holds_the_sum_of_all_updates(fourth: int, ring: int) -> None:
    world = four_equals()
    register(world)
    for name in SITES[:3]:
        accept(world, name, weight=16384)
    opened = only(accept(world, "di", weight=fourth), RoundOpened)
    assert opened.ring == ring
    total = sum(opened.weights) // gcd(*opened.weights)
    assert (2 * (32767 << 3) * total < 2**32) == (ring == 32)


def drawn(seed: int, rounds_: int = 6) -> list[list[str]]:
    """Return who is drawn in each round of a study with a seed."""
    world = world_of(member(name) for name in ("ada", "bo", "cy", "di", "eve", "fay"))
    sites = tuple(world.keys)
    start(world, seed=seed, sites=sites, per_round=3, rounds=rounds_)
    result = []
    while status_of(world).phase == "rounds":
        result.append(participants(world))
        drive_round(world)
    return result


def test_some_sites_are_drawn_for_each_round_from_the_seed() -> None:
    draws = drawn(seed=7)
    assert all(len(draw) == 3 and draw == sorted(draw) for draw in draws)
    assert len({tuple(draw) for draw in draws}) > 1
    assert {name for draw in draws for name in draw} == {"ada", "bo", "cy", "di", "eve", "fay"}
    assert draws == drawn(seed=7)
    assert draws != drawn(seed=8)


def test_where_fewer_are_eligible_than_would_be_drawn_all_of_them_take_part() -> None:
    world = four_equals()
    register(world, per_round=3, min_sites=2)
    accept(world, "ada")
    accept(world, "di")
    quorum_times_out(world)
    assert participants(world) == ["ada", "di"]
    drive_round(world)
    assert model_now(world) == digest("model 1")


def test_a_phase_ends_when_everything_expected_is_in() -> None:
    world = four_equals()
    start(world)
    for name in SITES[:3]:
        assert commit(world, name) == ()
    opened = only(commit(world, "di"), PhaseOpened)
    assert (opened.phase, opened.timed_out) == ("reveal", False)


def test_a_phase_ends_when_a_quorum_of_timers_fired_and_enough_have_spoken() -> None:
    world = four_equals()
    start(world)
    commit(world, "ada")
    commit(world, "bo")
    assert [time_out(world, name) for name in ("ada", "bo")] == [(), ()]
    opened = only(time_out(world, "cy"), PhaseOpened)
    assert (opened.phase, opened.timed_out) == ("reveal", True)
    reveal(world, "ada")
    assert only(reveal(world, "bo"), PhaseOpened).timed_out is False, "two revealed of two"


@pytest.mark.parametrize("phase", ["commit", "reveal"])
def test_where_too_few_have_spoken_the_attempt_fails_and_another_begins(phase: str) -> None:
    world = four_equals()
    start(world, min_sites=3)
    walk_to(world, phase)
    for name in SITES[:2]:
        commit(world, name) if phase == "commit" else reveal(world, name)
    events = quorum_times_out(world)
    assert names(events) == ["members.silent", "attempt.failed", "round.opened"]
    opened = only(events, RoundOpened)
    assert (opened.round, opened.attempt, opened.participants) == (1, 2, SITES)
    assert current(world).phase == "commit"
    assert current(world).got == 0
    drive_round(world)
    assert open_rounds(world) == 1


def test_nothing_is_available_where_no_quorum_attests() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "available")
    for name, held in zip(SITES, (SITES[:2], SITES[:2], SITES[1:2], ()), strict=True):
        events = attest(world, name, held)
    assert names(events) == ["attempt.failed", "round.opened"]


def test_nobody_votes_and_the_attempt_fails() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "vote")
    assert names(quorum_times_out(world)) == ["members.silent", "attempt.failed", "round.opened"]


def test_attempts_run_out_and_the_study_fails_with_its_last_good_model() -> None:
    world = four_equals()
    start(world, max_attempts=2)
    drive_round(world)
    assert names(quorum_times_out(world)) == ["members.silent", "attempt.failed", "round.opened"]
    assert names(quorum_times_out(world)) == ["members.silent", "attempt.failed", "study.failed"]
    assert status_of(world).model == digest("model 1")
    assert open_rounds(world) == 0
    close(world)
    assert status_of(world).outcome == "failed"


def test_with_attendance_all_an_update_that_is_withheld_fails_the_attempt() -> None:
    world = four_equals()
    start(world, attendance="all")
    walk_to(world, "available")
    for name in SITES:
        events = attest(world, name, SITES[:3])
    assert names(events) == ["attempt.failed", "round.opened"]
    drive_round(world)


def test_members_speak_in_the_open_round_attempt_and_phase() -> None:
    world = four_equals()
    register(world)
    at = {"study": "heart", "round": 1, "attempt": 1}
    assert refusal(world, "ada", UpdateCommit, **commit_fields(world, "ada", at)) == "early"
    for name in SITES:
        accept(world, name)
    for where, code in (({"round": 2}, "early"), ({"attempt": 2}, "early")):
        fields = commit_fields(world, "ada", {**at, **where})
        assert refusal(world, "ada", UpdateCommit, **fields) == code
    assert refusal(world, "ada", RoundVote, **at, **for_model("model 1")) == "early"
    commit(world, "ada")
    assert refusal(world, "ada", UpdateCommit, **commit_fields(world, "ada", at)) == "already"
    walk_to_reveal(world)
    assert refusal(world, "ada", UpdateCommit, **commit_fields(world, "ada", at)) == "stale"
    quorum_times_out(world)
    assert refusal(world, "ada", UpdateCommit, **commit_fields(world, "ada", at)) == "stale"


def walk_to_reveal(world: World) -> None:
    """Let everybody commit but ada, who has."""
    for name in SITES[1:]:
        commit(world, name)


def test_only_participants_and_validators_of_the_round_speak_in_it() -> None:
    people = [member("ada"), member("bo", 0, ["site"]), member("eve", 0, ["site"])]
    world = world_of(people)
    start(world, sites=("ada", "bo"), per_round=2)
    assert refusal(world, "eve", UpdateCommit, **commit_fields(world, "eve", here(world))) == (
        "not-a-participant"
    )
    walk_to(world, "vote")
    assert refusal(world, "bo", RoundVote, **here(world), **for_model("x")) == "not-a-participant"


def test_timers_for_another_place_are_stale_or_early() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    at = here(world)
    assert refusal(world, "ada", PhaseTimeout, **at, phase="commit") == "stale"
    assert refusal(world, "ada", PhaseTimeout, **at, phase="vote") == "early"
    assert refusal(world, "ada", PhaseTimeout, **{**at, "round": 2}, phase="commit") == "early"
    assert refusal(world, "ada", PhaseTimeout, **{**at, "attempt": 0}, phase="vote") == "stale"
    assert refusal(world, "ada", PhaseTimeout, **at, phase="sa.keys") == "malformed"
    time_out(world, "ada")
    assert refusal(world, "ada", PhaseTimeout, **at, phase="reveal") == "already"
    train_rest(world)
    assert refusal(world, "ada", PhaseTimeout, **at, phase="reveal") == "stale"


def train_rest(world: World) -> None:
    """Carry the study out up to its evaluation."""
    while status_of(world).phase == "rounds":
        drive_round(world)


def test_a_round_is_frozen_when_the_next_one_closes() -> None:
    world = four_equals()
    start(world, rounds=3)
    drive_round(world)
    branch = round_branch("heart", 1)
    assert not isinstance(node(world, branch), PrunedNode)
    drive_round(world)
    assert isinstance(node(world, branch), PrunedNode)
    assert world.state.get((*branch, "votes"), "0001/ada") is None
    assert not isinstance(node(world, round_branch("heart", 2)), PrunedNode)
    drive_round(world)
    for name in SITES:
        evaluate(world, name)
    release(world)
    close(world)
    assert isinstance(node(world, round_branch("heart", 3)), PrunedNode)
    assert world.state.root() == replayed(world).root()


def node(world: World, path: tuple[str, ...]) -> object:
    """Return a node of the state."""
    here_: object = world.state.top
    for name in path:
        here_ = here_.children[name]  # type: ignore[attr-defined]
    return here_


def test_powers_of_any_size_are_counted_exactly() -> None:
    world = world_of([member("ada", 2**32), member("bo", 2**31), member("cy", 1)])
    start(world, sites=("ada", "bo", "cy"), per_round=3)
    walk_to(world, "vote")
    assert current(world).total_power == 2**32 + 2**31 + 1
    assert names(fail(world, "cy")) == []
    assert names(vote(world, "ada", "x")) == [], "2^32 of 2^32 + 2^31 + 1 is not two thirds"
    assert names(vote(world, "bo", "x"))[0] == "round.closed"


def test_the_draw_is_the_one_of_the_specification() -> None:
    world = four_equals()
    start(world, per_round=2, seed=2**53 - 1)
    lots = {
        name: tagged_hash(
            "draw", world.identity, lp(b"heart"), u64(2**53 - 1), u64(1), lp(name.encode())
        )
        for name in SITES
    }
    assert participants(world) == sorted(sorted(SITES, key=lots.__getitem__)[:2])


def test_where_sites_take_turns_the_next_ones_in_order_take_part() -> None:
    world = four_equals()
    start(world, per_round=3, min_sites=3, participation="cyclic", rounds=5)
    present = []
    for _ in range(5):
        present.append(participants(world))
        drive_round(world)
    assert present == [
        ["ada", "bo", "cy"], ["ada", "bo", "di"], ["ada", "cy", "di"], ["bo", "cy", "di"],
        ["ada", "bo", "cy"],
    ]  # fmt: skip
    assert replayed(world).root() == world.state.root()
