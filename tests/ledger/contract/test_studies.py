"""Studies: what may be registered, who accepts it, and every way in which one ends."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import digest, four_equals, member, names, refusal, world_of
from tests.ledger.contract.moves import (
    TERMS,
    abandon,
    accept,
    acceptance,
    carry,
    close,
    current,
    drive_round,
    evaluate,
    here,
    model_now,
    open_rounds,
    participants,
    present,
    quorum_times_out,
    register,
    release,
    start,
    status_of,
    time_out,
    train,
    walk_to,
)

from collegium.ledger.contract.studies import is_registered_weight
from collegium.ledger.contract.tables import powers, round_path
from collegium.ledger.contract.transactions import (
    Expel,
    PhaseTimeout,
    StudyAbandon,
    StudyAccept,
    StudyClose,
    StudyRegister,
)

SITES = ("ada", "bo", "cy", "di")


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"study": "Heart"}, "malformed"),
        ({"study": "a/b"}, "malformed"),
        ({"study": "../x"}, "malformed"),
        ({"study": "-x"}, "malformed"),
        ({"study": "herz\u00e9"}, "malformed"),
        ({"study": "x\n"}, "malformed"),
        ({"study": "x" * 41}, "malformed"),
        ({"rule": "fedavg"}, "malformed"),
        ({"rule": "fedavg@0"}, "malformed"),
        ({"server": "Adam@1"}, "malformed"),
        ({"modules": ("sealed@1",)}, "refused"),
        ({"modules": ()}, "malformed"),
        ({"modules": ("plain",)}, "malformed"),
        ({"modules": ("plain@1", "plain@1")}, "malformed"),
        ({"modules": ("plain@1", "compression@1")}, "malformed"),
        ({"modules": ("plain@1", "secagg@1")}, "refused"),
        ({"modules": ("compression@1",)}, "refused"),
        ({"modules": ("compression@1", "plain@1")}, "malformed"),
        ({"modules": ("secagg@1",)}, "malformed"),
        ({"terms": {}}, "malformed"),
        ({"terms": {"nobody": {}}}, "malformed"),
        ({"terms": {"compression": {"keep": 1000}}}, "malformed"),
        ({"sites": ("bo", "ada")}, "malformed"),
        ({"sites": ("ada", "ada")}, "malformed"),
        ({"sites": ()}, "malformed"),
        ({"sites": ("ada", "nobody")}, "refused"),
        ({"min_sites": 3, "per_round": 2}, "refused"),
        ({"per_round": 5}, "refused"),
        ({"rounds": 10_000_001}, "refused"),
        ({"max_attempts": 1001}, "refused"),
        ({"max_attempts": 0}, "malformed"),
        ({"model": "A" * 42 + "B"}, "malformed"),
        ({"document": "!" * 43}, "malformed"),
        ({"exponent": 31}, "malformed"),
        ({"weights": "loud"}, "malformed"),
    ],
)
def test_terms_that_cannot_be_carried_out_are_refused(terms: dict[str, Any], code: str) -> None:
    assert refusal(four_equals(), "ada", StudyRegister, **{**TERMS, **terms}) == code


def test_a_study_is_registered_once() -> None:
    world = four_equals()
    register(world)
    assert refusal(world, "bo", StudyRegister, **{**TERMS, "seed": 8}) == "already"


@pytest.mark.parametrize("study", ["study", "rounds", "status", "0", "00000001", "studies"])
def test_a_study_may_be_named_like_a_table(study: str) -> None:
    world = four_equals()
    train(world, study)
    train(world)
    assert model_now(world, study) == digest("model 2")


def test_the_first_round_opens_when_all_sites_have_accepted() -> None:
    world = four_equals()
    register(world)
    for name in SITES[:3]:
        assert accept(world, name) == ()
    assert names(accept(world, "di")) == ["round.opened"]


@pytest.mark.parametrize(
    ("who", "fields", "code"),
    [
        ("ada", {"study": "lung"}, "unknown-study"),
        ("ada", {"study": "a/b\u00fc"}, "malformed"),
        ("ada", {"document": digest("another")}, "refused"),
        ("ada", {"weight": 5}, "malformed"),
        ("ada", {"weight": 0}, "malformed"),
        ("ada", {"snapshot": "!" * 43}, "malformed"),
        ("eve", {}, "not-a-participant"),
        ("bo", {}, "already"),
    ],
)
def test_an_acceptance_is_of_this_study_by_its_sites_once(
    who: str, fields: dict[str, Any], code: str
) -> None:
    world = world_of(member(name) for name in (*SITES, "eve"))
    register(world)
    accept(world, "bo")
    assert refusal(world, who, StudyAccept, **acceptance(**fields)) == code


def test_a_weight_has_two_significant_binary_digits() -> None:
    registered = [weight for weight in range(1, 50) if is_registered_weight(weight)]
    assert registered == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]


def test_set_up_ends_by_timers_with_enough_sites() -> None:
    world = four_equals()
    register(world)
    accept(world, "ada")
    accept(world, "cy")
    assert [names(time_out(world, name)) for name in ("ada", "bo")] == [[], []]
    assert names(time_out(world, "di")) == ["round.opened"]
    assert participants(world) == ["ada", "cy"]


def test_set_up_ends_the_study_where_too_few_accept() -> None:
    world = four_equals()
    register(world)
    accept(world, "ada")
    assert names(quorum_times_out(world)) == ["study.failed"]
    assert status_of(world).outcome == "failed"
    assert open_rounds(world) == 0
    assert names(close(world)) == ["study.closed"]


def test_a_late_site_takes_part_from_the_next_round_on() -> None:
    world = four_equals()
    register(world)
    for name in SITES[:3]:
        accept(world, name)
    quorum_times_out(world)
    accept(world, "di")
    assert participants(world) == ["ada", "bo", "cy"]
    drive_round(world)
    assert participants(world) == ["ada", "bo", "cy", "di"]
    drive_round(world)
    assert refusal(world, "di", StudyAccept, **acceptance()) == "already"


def test_a_site_that_comes_after_training_is_too_late() -> None:
    world = four_equals()
    register(world, rounds=1)
    for name in SITES[:3]:
        accept(world, name)
    quorum_times_out(world)
    drive_round(world)
    assert refusal(world, "di", StudyAccept, **acceptance()) == "stale"


def test_a_site_expelled_during_set_up_is_not_drawn() -> None:
    world = four_equals()
    register(world)
    for name in ("bo", "cy", "di"):
        accept(world, name)
    carry(world, Expel("di"), by=SITES[:3])
    quorum_times_out(world)
    assert participants(world) == ["bo", "cy"]


@pytest.mark.parametrize(("weights", "expected"), [("rows", 24), ("equal", 1)])
def test_weights_are_rows_or_equal(weights: str, expected: int) -> None:
    world = four_equals()
    register(world, weights=weights)
    for name in SITES:
        accept(world, name, weight=24)
    path = round_path("heart", 1, "participants")
    assert powers(world.state, path) == dict.fromkeys(SITES, expected)


def test_timers_are_validators_and_for_the_phase_that_is_open() -> None:
    world = world_of([member("ada"), member("bo", 0, ["site"])])
    register(world, sites=("ada", "bo"), per_round=2)
    timer: dict[str, Any] = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}
    assert refusal(world, "bo", PhaseTimeout, **timer) == "role"
    assert refusal(world, "ada", PhaseTimeout, **{**timer, "phase": "evaluation"}) == "early"
    assert refusal(world, "ada", PhaseTimeout, **{**timer, "phase": "commit"}) == "malformed"
    assert refusal(world, "ada", PhaseTimeout, **{**timer, "phase": "x/y"}) == "malformed"
    assert refusal(world, "ada", PhaseTimeout, **{**timer, "round": 1}) == "early"
    accept(world, "ada")
    accept(world, "bo")
    assert refusal(world, "ada", PhaseTimeout, **timer) == "stale"


def test_a_timer_fires_once() -> None:
    world = four_equals()
    register(world)
    time_out(world, "ada")
    timer = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}
    assert refusal(world, "ada", PhaseTimeout, **timer) == "already"


def test_a_timer_fires_again_where_expulsions_have_made_it_decisive() -> None:
    world = four_equals()
    register(world, sites=("ada", "bo"), per_round=2)
    accept(world, "bo")
    time_out(world, "ada")
    time_out(world, "bo")
    carry(world, Expel("di"), by=SITES[:3], label="one")
    timer = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}
    assert refusal(world, "ada", PhaseTimeout, **timer) == "already", "two of three is no quorum"
    carry(world, Expel("cy"), by=SITES[:3], label="other")
    assert names(time_out(world, "bo")) == ["study.failed"]


def test_with_attendance_all_nothing_times_out_and_a_quorum_abandons() -> None:
    world = four_equals()
    register(world, attendance="all")
    timer = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}
    assert refusal(world, "ada", PhaseTimeout, **timer) == "refused"
    for name in SITES:
        accept(world, name)
    walk_to(world, "reveal")
    fields = {**here(world), "phase": "reveal"}
    assert refusal(world, "ada", PhaseTimeout, **fields) == "refused"
    assert abandon(world, "ada") == ()
    assert refusal(world, "ada", StudyAbandon, **present(world)) == "already"
    was = present(world)
    abandon(world, "bo")
    assert names(abandon(world, "cy")) == ["study.failed"]
    assert open_rounds(world) == 0
    assert refusal(world, "di", StudyAbandon, **was) == "stale"


def test_votes_to_abandon_count_in_their_phase_only() -> None:
    world = four_equals()
    start(world, attendance="all")
    abandon(world, "ada")
    walk_to(world, "reveal")
    abandon(world, "bo")
    walk_to(world, "vote")
    assert abandon(world, "cy") == ()
    assert status_of(world).outcome == "open"


def test_what_is_abandoned_after_training_is_completed() -> None:
    world = four_equals()
    train(world, attendance="all")
    for name in ("ada", "bo"):
        abandon(world, name)
    assert names(abandon(world, "cy")) == ["evaluation.complete", "release.skipped"]
    assert names(close(world)) == ["study.closed"]
    assert status_of(world).outcome == "completed"


def test_abandoning_and_closing_are_for_validators() -> None:
    world = world_of([member("ada"), member("bo", 0, ["owner", "site"])])
    register(world, owner="bo", sites=("ada", "bo"), per_round=2)
    assert refusal(world, "bo", StudyAbandon, **present(world)) == "role"
    assert refusal(world, "bo", StudyClose, study="heart") == "role"


def test_a_study_closes_once_and_when_nothing_is_left_to_do() -> None:
    world = four_equals()
    register(world)
    assert refusal(world, "ada", StudyClose, study="heart") == "early"
    for name in SITES:
        accept(world, name)
    drive_round(world)
    drive_round(world)
    for name in SITES:
        assert refusal(world, "ada", StudyClose, study="heart") == "early"
        evaluate(world, name)
    assert refusal(world, "ada", StudyClose, study="heart") == "early"
    release(world)
    assert names(close(world, "bo")) == ["study.closed"]
    assert refusal(world, "ada", StudyClose, study="heart") == "already"


def test_a_study_whose_owner_is_expelled_ends_without_a_release() -> None:
    world = four_equals()
    train(world, sites=("bo", "cy", "di"), per_round=3)
    carry(world, Expel("ada"), by=("bo", "cy", "di"))
    for name in ("bo", "cy", "di"):
        evaluate(world, name)
    for name in ("bo", "cy", "di"):
        time_out(world, name)
    assert status_of(world).phase == "closing"
    close(world, "bo")
    assert status_of(world).outcome == "completed"


def test_where_expulsions_between_rounds_leave_too_few_the_study_fails_and_changes_go_on() -> None:
    # The failure comes between two rounds: no round is open, and none may be counted as ended.
    world = four_equals(contract=1)
    start(world, min_sites=4)
    carry(world, Expel("di"), by=SITES[:3])
    events = drive_round(world)
    assert names(events) == ["round.closed", "membership.changed", "study.failed"]
    assert open_rounds(world) == 0
    assert model_now(world) == digest("model 1")
    start(world, study="lung", sites=("ada", "bo", "cy"), per_round=3)
    assert open_rounds(world) == 1
    carry(world, Expel("cy"), by=SITES[:3], label="next")
    assert participants(world, "lung") == ["ada", "bo", "cy"]
    assert "membership.changed" in names(drive_round(world, "lung"))


def test_studies_do_not_disturb_each_other() -> None:
    world = four_equals()
    start(world)
    start(world, study="heart-2", seed=8)
    walk_to(world, "vote")
    assert current(world, "heart-2").phase == "commit"
    drive_round(world, "heart-2", model="another")
    assert model_now(world) == digest("model 0")
    assert model_now(world, "heart-2") == digest("another")
    assert status_of(world).closed_rounds == 0
