"""Votes: a quorum of the power closes a round, its impossibility fails the attempt."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.ledger.contract.kit import (
    World,
    digest,
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
    close,
    current,
    drive_round,
    evaluate,
    fail,
    here,
    model_now,
    quorum_times_out,
    release,
    reveal,
    start,
    status_of,
    vote,
    walk_to,
)

from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.events import AttemptFailed, RoundClosed, RoundOpened, VoteLate
from collegium.ledger.contract.tables import ModelRecord, study_path
from collegium.ledger.contract.transactions import RoundVote, StudyRegister

SITES = ("ada", "bo", "cy", "di")


def voting(world: World | None = None) -> World:
    """Return a consortium whose first round is in its vote."""
    world = world or four_equals()
    start(world)
    walk_to(world, "vote")
    return world


def test_a_quorum_of_the_power_closes_the_round_and_opens_the_next() -> None:
    world = voting()
    assert [vote(world, name, "new") for name in SITES[:2]] == [(), ()]
    events = vote(world, "cy", "new")
    assert names(events) == ["round.closed", "round.opened"]
    closed = only(events, RoundClosed)
    assert (closed.model, closed.parent, closed.power) == (digest("new"), digest("model 0"), 3)
    assert only(events, RoundOpened).model == digest("new")
    models = study_path("heart", "models")
    record = world.state.record(models, digest("new"), ModelRecord)
    assert record == ModelRecord(parent=digest("model 0"), round=1)


def test_powers_weigh() -> None:
    world = voting(world_of(member(n, p) for n, p in zip(SITES, (5, 1, 1, 1), strict=True)))
    vote(world, "bo", "new")
    assert names(vote(world, "ada", "new"))[0] == "round.closed", "6 of 8"


def test_one_power_short_of_a_quorum_closes_nothing() -> None:
    world = voting(world_of(member(n, p) for n, p in zip(SITES, (2, 2, 1, 1), strict=True)))
    vote(world, "ada", "new")
    assert vote(world, "bo", "new") == (), "4 of 6 are not more than two thirds"
    assert names(vote(world, "cy", "new"))[0] == "round.closed"


def test_an_attempt_fails_as_soon_as_no_model_can_have_a_quorum() -> None:
    world = voting()
    vote(world, "ada", "one")
    assert vote(world, "bo", "another") == (), "cy and di may still agree with either"
    events = vote(world, "cy", "a third")
    assert only(events, AttemptFailed).reason == "no-quorum"
    assert here(world)["attempt"] == 2


def test_fails_add_up_whatever_their_reasons() -> None:
    world = voting()
    assert fail(world, "ada", "unavailable") == ()
    events = fail(world, "bo", "arithmetic")
    assert names(events) == ["attempt.failed", "round.opened"]


def test_one_liar_among_four_neither_closes_nor_fails_a_round() -> None:
    world = voting()
    vote(world, "ada", "lie")
    vote(world, "bo", "new")
    vote(world, "cy", "new")
    assert names(vote(world, "di", "new"))[0] == "round.closed"
    assert model_now(world) == digest("new")


def test_a_vote_has_either_a_model_or_a_reason() -> None:
    world = voting()
    both = {"model": digest("new"), "fail": "refused"}
    assert refusal(world, "ada", RoundVote, **here(world)) == "malformed"
    assert refusal(world, "ada", RoundVote, **here(world), **both) == "malformed"
    assert refusal(world, "ada", RoundVote, **here(world), fail="bored") == "malformed"
    assert refusal(world, "ada", RoundVote, **here(world), model="fail") == "malformed"
    assert refusal(world, "ada", RoundVote, **here(world), model="A" * 42 + "B") == "malformed"


def test_a_validator_votes_once() -> None:
    world = voting()
    vote(world, "ada", "new")
    assert refusal(world, "ada", RoundVote, **here(world), model=digest("new")) == "already"
    assert refusal(world, "ada", RoundVote, **here(world), fail="refused") == "already"


def test_votes_of_a_failed_attempt_do_not_count_in_the_next() -> None:
    world = voting()
    first = here(world)
    vote(world, "ada", "new")
    vote(world, "bo", "new")
    quorum_times_out(world)
    assert refusal(world, "cy", RoundVote, **first, model=digest("new")) == "stale"
    walk_to(world, "vote")
    assert vote(world, "cy", "new") == ()


def test_the_first_vote_after_closing_is_recorded_without_effect() -> None:
    world = voting()
    at = here(world)
    for name in SITES[:3]:
        vote(world, name, "new")
    events = say(world, "di", RoundVote, **at, model=digest("lie"))
    assert only(events, VoteLate).agrees is False
    assert model_now(world) == digest("new")
    assert refusal(world, "di", RoundVote, **at, model=digest("new")) == "already"
    assert refusal(world, "ada", RoundVote, **at, model=digest("new")) == "already"


def test_a_latecomer_that_agrees_is_not_called_a_liar() -> None:
    world = voting()
    at = here(world)
    for name in SITES[:3]:
        vote(world, name, "new")
    walk_to(world, "vote")
    assert only(say(world, "di", RoundVote, **at, model=digest("new")), VoteLate).agrees


def test_late_is_over_when_the_next_round_closes_or_the_study_does() -> None:
    world = voting()
    first = here(world)
    drive_round(world)
    second = here(world)
    drive_round(world)
    assert refusal(world, "di", RoundVote, **first, model=digest("model 1")) == "stale"
    assert only(say(world, "di", RoundVote, **second, fail="refused"), VoteLate).agrees is False
    for name in SITES:
        evaluate(world, name)
    release(world)
    close(world)
    assert refusal(world, "cy", RoundVote, **second, fail="refused") in ("already", "stale")


def test_late_votes_are_for_the_attempt_that_closed_and_by_its_validators() -> None:
    people = [*(member(name) for name in ("ada", "bo", "cy")), member("eve", 0, ["site"])]
    world = world_of(people)
    start(world, sites=("ada", "bo", "cy"), per_round=3)
    first = here(world)
    quorum_times_out(world)
    drive_round(world)
    assert refusal(world, "cy", RoundVote, **first, model=digest("model 1")) == "stale"
    second = {**first, "attempt": 2}
    assert refusal(world, "eve", RoundVote, **second, fail="refused") == "not-a-participant"


def test_a_round_may_lead_back_to_a_model_that_was_there_before() -> None:
    world = four_equals()
    start(world)
    drive_round(world, model="model 0")
    models = study_path("heart", "models")
    assert world.state.record(models, digest("model 0"), ModelRecord) == ModelRecord(round=0)
    drive_round(world)
    assert status_of(world).phase == "evaluation"


def exponent_after(reports: list[tuple[int, int]], **terms: Any) -> int:
    """Return the exponent of round 2, after these peaks and saturation counts in round 1."""
    world = four_equals()
    start(world, **terms)
    walk_to(world, "reveal")
    for name, (peak, saturated) in zip(SITES, reports, strict=True):
        reveal(world, name, peak=peak, saturated=saturated)
    drive_round(world)
    return current(world).exponent


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([(20000, 0)] * 4, 12),
        ([(32767, 2)] * 2 + [(20000, 0)] * 2, 12),  # two of four are not more than half
        ([(32767, 2)] * 3 + [(20000, 0)], 11),
        ([(32767, 1)] * 4, 12),  # 0.1 % of 1,000 coordinates is not over 0.1 %
        ([(100, 0)] * 4, 13),
        ([(8191, 0)] * 3 + [(20000, 0)], 13),
        ([(8191, 0)] * 2 + [(8192, 0)] * 2, 12),  # the upper median
        ([(8191, 2)] * 4, 11),  # saturation goes first
    ],
)
def test_the_exponent_follows_saturation_and_the_median_peak(
    reports: list[tuple[int, int]], expected: int
) -> None:
    assert exponent_after(reports) == expected


def test_the_exponent_stays_in_its_range() -> None:
    assert exponent_after([(32767, 1000)] * 4, exponent=-8) == -8
    assert exponent_after([(0, 0)] * 4, exponent=30) == 30


def test_indicators_of_excluded_updates_do_not_count() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    for name in SITES:
        saturated = 0 if name == "ada" else 1000
        reveal(world, name, peak=20000, saturated=saturated)
    for name in SITES:
        attest(world, name, ("ada", "bo"))
    drive_round(world)
    assert current(world).exponent == 12


def test_the_last_round_opens_the_test_parts() -> None:
    world = four_equals()
    start(world, rounds=1)
    assert names(drive_round(world)) == ["round.closed", "test.opened"]


def test_votes_end_training_early_where_the_study_has_a_patience() -> None:
    world = four_equals()
    start(world, patience=3)
    walk_to(world, "vote")
    say(world, "ada", RoundVote, **here(world), model=digest("new"))
    for name in SITES[1:3]:
        ended = say(world, name, RoundVote, **here(world), model=digest("new"), ends="early")
        assert ended == (), "votes that differ in it are no quorum together"
    events = say(world, "di", RoundVote, **here(world), model=digest("new"), ends="early")
    assert names(events) == ["round.closed", "test.opened"]
    assert status_of(world).phase == "evaluation"


@pytest.mark.parametrize(
    ("terms", "said"),
    [({}, {"model": digest("new")}), ({"patience": 3}, {"fail": "unavailable"})],
)
def test_nothing_else_ends_training_early(terms: dict[str, Any], said: dict[str, Any]) -> None:
    world = four_equals()
    start(world, **terms)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **said, ends="early") == "malformed"


FOLLOWED: dict[str, Any] = {
    "exponent": 9, "weights": "equal", "rounds": 20,
    "privacy": PrivacyTerms(
        accountant="rdp@1", budget=10**9, charge=(0,) * 72, clip=0, conversion=(0,) * 72,
        delta=10**10, evaluation=(0,) * 72, mechanism="central_skellam@1", noise=10**6,
        sampling=10**9, setup=(0,) * 72, steps=1, unit="client",
    ),
}  # fmt: skip


def test_a_clip_follows_what_votes_tell_of_the_updates() -> None:
    """Nobody is within it: e^0.1 a round. The exponent falls as the clip doubles."""
    world = four_equals()
    start(world, **FOLLOWED)
    seen = []
    for number in range(1, 9):
        walk_to(world, "vote")
        seen.append((current(world).exponent, current(world).clip))
        fields = {**here(world), "model": digest(f"model {number}"), "within": -(10**6)}
        for name in SITES[:3]:
            say(world, name, RoundVote, **fields)
    assert [k for _, k in seen] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [exponent for exponent, _ in seen] == [9] * 7 + [8]
    assert replayed(world).root() == world.state.root()


def test_votes_that_differ_in_what_is_within_the_clip_are_no_quorum_together() -> None:
    world = four_equals()
    start(world, **FOLLOWED)
    walk_to(world, "vote")
    for name, within in zip(SITES[:3], (1, 2, 2), strict=True):
        assert say(world, name, RoundVote, **here(world), model=digest("new"), within=within) == ()


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, {"model": digest("new"), "within": 1}),
        (FOLLOWED, {"model": digest("new")}),
        (FOLLOWED, {"fail": "refused", "within": 1}),
    ],
)
def test_only_models_of_a_clip_that_follows_tell_what_is_within_it(
    terms: dict[str, Any], said: dict[str, Any]
) -> None:
    world = four_equals()
    start(world, **terms)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **said) == "malformed"


@pytest.mark.parametrize("changes", [{"exponent": 5}, {"unit": "patient"}])
def test_a_clip_that_cannot_follow_is_not_registered(changes: dict[str, Any]) -> None:
    terms = {**TERMS, **FOLLOWED, "exponent": changes.get("exponent", 9)}
    terms["privacy"] = replace(FOLLOWED["privacy"], unit=changes.get("unit", "client"))
    assert refusal(four_equals(), "ada", StudyRegister, **terms) == "refused"
