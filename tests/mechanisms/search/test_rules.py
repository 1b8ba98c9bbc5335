"""Models among which the contract chooses: trials, their budget, losses, and what is final."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import World, digest, four_equals, names, only, refusal, say
from tests.ledger.contract.moves import (
    TERMS,
    current,
    evaluate,
    fail,
    for_model,
    here,
    start,
    status_of,
    using,
    vote,
    voters,
    walk_to,
)
from tests.mechanisms.privacy.test_rules import terms

from collegium.ledger.contract.events import Events, RoundOpened, VoteLate
from collegium.ledger.contract.transactions import RoundVote, StudyRegister
from collegium.mechanisms.search.terms import Measured, ModelChosen, SearchTerms, TrialClosed

BEST = using(SearchTerms(selection="best"))
SEARCH = using(SearchTerms(selection="best", trials=3))
PATIENT = using(SearchTerms(patience=3))
LOSS = {"search": {"validation": 3}}


def close_round(world: World, loss: int, model: str | None = None, **said: Any) -> Events:
    """Let everybody vote for a model, and for the loss of the one that the round started from."""
    number = status_of(world).round
    walk_to(world, "vote")
    for name in voters(world):
        told = Measured(validation=loss, **said)
        events = vote(world, name, model or f"model {number}", told)
        if status_of(world).closed_rounds == number:
            return events
    raise AssertionError("everybody voted and the round is open")


def fail_round(world: World) -> Events:
    """Let every attempt at the open round fail."""
    number = status_of(world).round
    events: Events = ()
    while status_of(world).phase == "rounds" and status_of(world).round == number:
        walk_to(world, "vote")
        attempt = current(world).attempt
        for name in voters(world):
            events = fail(world, name)
            over = status_of(world).phase != "rounds" or status_of(world).round != number
            if over or current(world).attempt != attempt:
                break
    return events


def test_the_model_with_the_least_loss_is_final_and_the_last_one_is_never() -> None:
    world = four_equals()
    start(world, rounds=4, **BEST)
    for loss in (500, 300, 400):
        close_round(world, loss)
    events = close_round(world, 350)
    assert names(events) == ["round.closed", "model.chosen", "test.opened"]
    chosen = only(events, ModelChosen)
    assert (chosen.model, chosen.round, chosen.trial) == (digest("model 1"), 2, 1)
    assert status_of(world).model == digest("model 1")
    assert status_of(world).latest == digest("model 4")
    evaluate(world, "ada")


def test_of_equal_losses_the_first_one_stands() -> None:
    world = four_equals()
    start(world, rounds=3, **BEST)
    for _ in range(3):
        events = close_round(world, 300)
    assert only(events, ModelChosen).model == TERMS["model"]


def test_a_loss_that_most_of_the_power_did_not_vote_for_counts_for_nothing() -> None:
    world = four_equals()
    start(world, rounds=1, **BEST)
    walk_to(world, "vote")
    assert vote(world, "ada", "model 1", Measured(validation=1)) == ()
    for name in ("bo", "cy"):
        assert vote(world, name, "model 1", Measured(validation=9)) == ()
    events = vote(world, "di", "model 1", Measured(validation=9))
    assert only(events, ModelChosen).validation == 9


@pytest.mark.parametrize(
    ("registered", "said"),
    [
        (BEST, for_model("new")),
        (BEST, for_model("new", Measured())),
        (BEST, {"result": {"of": "none", "reason": "unavailable", "parts": LOSS}}),
        (PATIENT, for_model("new", Measured(validation=3))),
        ({}, for_model("new", Measured(validation=3))),
    ],
)
def test_a_loss_comes_with_a_model_where_it_selects_one(
    registered: dict[str, Any], said: dict[str, Any]
) -> None:
    world = four_equals()
    start(world, **registered)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **said) == "malformed"


def test_each_trial_starts_from_the_first_model_and_the_best_of_all_is_final() -> None:
    world = four_equals()
    start(world, rounds=2, **SEARCH)
    close_round(world, 900, "a")
    first = close_round(world, 700, "b")
    assert names(first) == ["round.closed", "trial.closed", "round.opened"]
    assert only(first, TrialClosed) == TrialClosed(
        study="heart", trial=1, round=2, best=2, model=digest("a"), validation=700
    )
    opened = only(first, RoundOpened)
    assert (opened.round, opened.model, opened.exponent) == (
        3,
        TERMS["model"],
        TERMS["exponent"] + 8,
    )
    close_round(world, 900, "c")
    close_round(world, 650, "d")
    close_round(world, 900, "e")
    last = close_round(world, 660, "f")
    assert names(last) == ["round.closed", "trial.closed", "model.chosen", "test.opened"]
    assert only(last, ModelChosen) == ModelChosen(
        study="heart", trial=2, round=4, model=digest("c"), validation=650
    )
    assert status_of(world).phase == "evaluation"


def test_nothing_is_tried_beyond_the_budget() -> None:
    world = four_equals()
    start(world, rounds=1, **SEARCH)
    for _ in range(3):
        close_round(world, 5)
    beyond = {"study": "heart", "round": 4, "attempt": 1}
    said = for_model("x", Measured(validation=1))
    assert refusal(world, "ada", RoundVote, **beyond, **said) == "stale"


def test_a_trial_that_ends_early_leaves_its_other_numbers_out() -> None:
    world = four_equals()
    start(world, rounds=5, **using(SearchTerms(patience=1, selection="best", trials=3)))
    close_round(world, 5)
    events = close_round(world, 6, ends="early")
    assert only(events, RoundOpened).round == 6
    assert only(events, TrialClosed).round == 2


def test_a_trial_whose_attempts_run_out_is_never_chosen_from_and_the_next_one_begins() -> None:
    world = four_equals()
    start(world, rounds=2, **SEARCH)
    close_round(world, 1, "a")
    events = fail_round(world)
    assert names(events) == ["attempt.failed", "trial.closed", "round.opened"]
    assert only(events, TrialClosed) == TrialClosed(study="heart", trial=1, round=2)
    assert (status_of(world).round, status_of(world).model) == (3, TERMS["model"])
    for loss in (8, 7, 9, 9):
        events = close_round(world, loss)
    assert only(events, ModelChosen).trial == 2


def test_where_every_trial_fails_the_study_does() -> None:
    world = four_equals()
    start(world, rounds=2, **using(SearchTerms(selection="best", trials=2)))
    fail_round(world)
    events = fail_round(world)
    assert names(events) == ["attempt.failed", "trial.closed", "study.failed"]
    assert status_of(world).outcome == "failed"


def test_a_late_vote_is_about_the_last_closed_round_whatever_is_final() -> None:
    world = four_equals()
    start(world, rounds=2, **BEST)
    close_round(world, 5, "a")
    close_round(world, 6, "b")
    late = {"study": "heart", "round": 2, "attempt": 1}
    events = say(world, "di", RoundVote, **late, **for_model("b", Measured(validation=6)))
    assert only(events, VoteLate).agrees


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (using(SearchTerms(trials=2)), "malformed"),
        (using(SearchTerms(selection="best", trials=1001)), "refused"),
        (
            {**using(SearchTerms(selection="best", trials=1000)), "rounds": 10_001},
            "refused",
        ),
    ],
)
def test_a_search_without_a_choice_or_an_end_is_refused(asked: dict[str, Any], code: str) -> None:
    assert refusal(four_equals(), "ada", StudyRegister, **{**TERMS, **asked}) == code


def test_losses_have_no_differential_privacy() -> None:
    private = {**TERMS, **using(SearchTerms(selection="best"), terms())}
    assert refusal(four_equals(), "ada", StudyRegister, **private) == "refused"


ENDS = {"ends": "early"}


def test_votes_end_training_early_where_the_study_has_a_patience() -> None:
    world = four_equals()
    start(world, **PATIENT)
    walk_to(world, "vote")
    vote(world, "ada", "new")
    for name in ("bo", "cy"):
        ended = vote(world, name, "new", Measured(ends="early"))
        assert ended == (), "votes that differ in it are no quorum together"
    events = vote(world, "di", "new", Measured(ends="early"))
    assert names(events) == ["round.closed", "test.opened"]
    assert status_of(world).phase == "evaluation"


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, for_model("new", Measured(ends="early"))),
        (BEST, for_model("new", Measured(ends="early", validation=3))),
        (
            PATIENT,
            {"result": {"of": "none", "reason": "unavailable", "parts": {"search": ENDS}}},
        ),
    ],
)
def test_nothing_else_ends_training_early(terms: dict[str, Any], said: dict[str, Any]) -> None:
    world = four_equals()
    start(world, **terms)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **said) == "malformed"
