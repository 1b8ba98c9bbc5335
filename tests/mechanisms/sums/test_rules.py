"""Sums of statistics: rounds of their own, whose end leads on whatever becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
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
    commit_masked,
    current,
    fail,
    for_model,
    for_total,
    here,
    keys_fields,
    open_rounds,
    participants,
    present,
    quorum_times_out,
    reveal,
    start,
    status_of,
    using,
    vote,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract.events import AttemptFailed, StudyFailed, UpdatesIncluded
from collegium.ledger.contract.series import EVALUATION, SET_UP
from collegium.ledger.contract.tables import study_path
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    PhaseTimeout,
    RoundVote,
    StudyAbandon,
    StudyRegister,
)
from collegium.mechanisms.dealing.terms import DealingTerms, Indicators, SecaggKeys
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.statistics.terms import (
    StatisticsAgreed,
    StatisticsPost,
    StatisticsTerms,
    StatisticsVote,
    StudyBegin,
)
from collegium.mechanisms.sums.rules import SumRecord
from collegium.mechanisms.sums.terms import SumClosed, SumGivenUp, SumOpened, SumTerms

SITES = ("ada", "bo", "cy", "di")
THREE = DealingTerms(threshold=3)
NONE_LARGE = Indicators(saturated=0, small=0)
MASKED: dict[str, Any] = {**using("secagg", THREE), "min_sites": 2, "rounds": 1}


def counted(carrier: str = "secagg", **terms: Any) -> dict[str, Any]:
    """Return the fields of a registration with a sum over test rows."""
    sums = SumTerms(**{"evaluation": "binary@1", "threshold": 3, **terms})
    return {**MASKED, **using(carrier, THREE, sums)}


COUNTED = counted()


def summing(phase: str = "sa.keys", **terms: Any) -> World:
    """A consortium whose only round is closed, and whose sum over test rows is in a phase."""
    world = four_equals()
    start(world, **{**COUNTED, **terms})
    walk_to(world, "vote")
    for name in SITES[:3]:
        vote(world, name, "new", NONE_LARGE)
    walk_to(world, phase)
    return world


def total(world: World, who: str, label: str = "sum") -> Any:
    """Vote for a sum."""
    return say(world, who, RoundVote, **here(world), **for_total(label))


def test_a_sum_opens_after_the_last_round_among_all_sites_alike() -> None:
    world = summing(per_round=3, min_sites=3, weights="rows")
    status = status_of(world)
    assert (status.phase, status.round, status.closed_rounds) == ("summing", EVALUATION, 1)
    assert participants(world) == list(SITES)
    assert (current(world).phase, current(world).exponent) == ("sa.keys", 0)
    assert open_rounds(world) == 1


def test_a_quorum_for_one_sum_leads_to_the_evaluation() -> None:
    world = summing("vote")
    total(world, "ada")
    total(world, "bo")
    events = total(world, "cy")
    assert only(events, SumClosed).total == digest("sum")
    status = status_of(world)
    assert (status.phase, status.round, status.model) == ("evaluation", 1, digest("new"))
    found = world.state.record(study_path("heart", "sums"), f"{EVALUATION:08d}", SumRecord)
    assert found == SumRecord(attempt=1, sites=SITES, total=digest("sum"))
    assert open_rounds(world) == 0
    post = {"study": "heart", "federated": digest("said"), "model": digest("new")}
    for name in SITES:
        say(world, name, EvaluationPost, **post)
    assert status_of(world).phase == "release"
    assert replayed(world).root() == world.state.root()


def test_sites_say_nothing_of_their_own_rows_before_the_sum_is_known() -> None:
    world = summing("commit")
    post = {"study": "heart", "federated": digest("said"), "model": digest("new")}
    assert refusal(world, "ada", EvaluationPost, **post) == "early"


def test_studies_without_sums_go_straight_to_the_evaluation() -> None:
    world = four_equals()
    start(world, **MASKED)
    walk_to(world, "vote")
    for name in SITES[:3]:
        events = vote(world, name, "new", NONE_LARGE)
    assert names(events)[-1] == "test.opened"
    assert status_of(world).phase == "evaluation"


@pytest.mark.parametrize(
    "said",
    [
        for_model("new", NONE_LARGE)["result"],
        {"of": "total", "total": digest("sum"), "parts": {"dealing": {"saturated": 0, "small": 0}}},
        {"of": "total", "total": digest("sum"), "reason": "malformed"},
        {"of": "total"},
    ],
    ids=["a model", "indicators", "a sum and a reason", "nothing"],
)
def test_a_vote_on_a_sum_says_nothing_of_a_model(said: object) -> None:
    world = summing("vote")
    assert refusal(world, "ada", RoundVote, **here(world), result=said) == "malformed"


def test_a_vote_on_a_model_says_nothing_of_a_sum() -> None:
    world = four_equals()
    start(world, **COUNTED)
    walk_to(world, "vote")
    assert refusal(world, "ada", RoundVote, **here(world), **for_total("sum")) == "malformed"


def test_what_is_late_for_a_sum_is_stale_and_what_comes_before_it_early() -> None:
    world = four_equals()
    start(world, **COUNTED)
    at = {"study": "heart", "round": EVALUATION, "attempt": 1}
    assert refusal(world, "ada", SecaggKeys, **keys_fields("ada", at)) == "early"
    world = summing("vote")
    at = here(world)
    for name in SITES[:3]:
        total(world, name)
    assert refusal(world, "di", RoundVote, **at, **for_total("sum")) == "stale"


def test_a_site_that_dies_after_masking_is_left_out_and_the_others_open_its_masks() -> None:
    world = summing("commit")
    for name in SITES:
        commit_masked(world, name, SITES)
    for name in SITES[:3]:
        reveal(world, name, peak=0)
    quorum_times_out(world)
    for name in SITES[:2]:
        attest(world, name, SITES[:3])
    attest(world, "cy", SITES[:3])
    events = attest(world, "di", SITES[:3])
    assert only(events, UpdatesIncluded).members == SITES[:3]
    for name in SITES[:3]:
        say(world, name, SharePost, **here(world), shares=to_text(bytes(32 * 4)))
    for name in SITES[:3]:
        total(world, name)
    assert status_of(world).phase == "evaluation"


def test_below_the_threshold_the_attempt_is_repeated_and_then_given_up() -> None:
    world = summing("sa.keys", max_attempts=2)
    for number in (1, 2):
        at = here(world)
        assert at["attempt"] == number
        for name in SITES[:2]:
            say(world, name, SecaggKeys, **keys_fields(name, at))
        events = quorum_times_out(world)
        assert only(events, AttemptFailed).reason == "too-few"
    assert only(events, SumGivenUp).reason == "attempts"
    assert (status_of(world).phase, status_of(world).model) == ("evaluation", digest("new"))
    assert open_rounds(world) == 0


def test_votes_that_no_quorum_can_come_of_fail_the_attempt() -> None:
    world = summing("vote")
    total(world, "ada")
    total(world, "bo", "another")
    events = fail(world, "cy", "malformed")
    assert only(events, AttemptFailed).reason == "no-quorum"
    assert only(events, SumOpened).attempt == 2
    assert participants(world) == list(SITES), "whose sum may be known stay together"


def test_a_sum_that_may_be_known_is_tried_again_among_the_same_sites_alone() -> None:
    world = summing("vote")
    for name in SITES[:2]:
        fail(world, name, "malformed")
    for name in SITES[:3]:
        say(world, name, SecaggKeys, **keys_fields(name, here(world)))
    events = quorum_times_out(world)
    assert only(events, AttemptFailed).reason == "too-few"


def test_a_study_that_waits_for_everybody_ends_the_wait_by_votes_to_abandon() -> None:
    world = summing("commit", attendance="all")
    assert refusal(world, "ada", PhaseTimeout, **present(world)) == "refused"
    for name in SITES[:3]:
        events = say(world, name, StudyAbandon, **present(world))
    assert only(events, SumGivenUp).reason == "abandoned"
    assert status_of(world).phase == "evaluation"


@pytest.mark.parametrize(
    "terms",
    [
        counted(threshold=2),
        counted(threshold=5),
        counted(degree=3, threshold=2),
    ],
    ids=["two halves could open", "more than there are", "an odd degree"],
)
def test_sums_that_would_not_be_hidden_are_not_registered(terms: dict[str, Any]) -> None:
    assert refusal(four_equals(), "ada", StudyRegister, **{**TERMS, **terms}) == "refused"


def test_plain_updates_have_no_sums() -> None:
    assert refusal(four_equals(), "ada", StudyRegister, **{**TERMS, **counted("plain")}) == (
        "malformed"
    )
    alone = {**MASKED, **using(SumTerms(evaluation="binary@1", threshold=3))}
    assert refusal(four_equals(), "ada", StudyRegister, **{**TERMS, **alone}) == "malformed"


IN_TABLES = SumTerms(statistics="table@1", threshold=3)
TABLES = {**MASKED, **using("secagg", THREE, StatisticsTerms(steps=3), IN_TABLES)}


def set_up(**terms: Any) -> World:
    """A consortium whose sites have agreed on columns, and count them for a sum."""
    world = four_equals()
    start(world, **{**TABLES, **terms})
    for name in SITES:
        say(world, name, StatisticsPost, study="heart", digest=digest(name), step=1)
    for name in SITES[:3]:
        say(world, name, StatisticsVote, study="heart", attempt=1, agreement=digest("columns"))
    return world


def close_sum(world: World, label: str) -> Any:
    """Let everybody do what is due until a quorum agrees on a sum."""
    walk_to(world, "vote")
    for name in SITES[:3]:
        events = total(world, name, label)
    return events


def test_later_steps_of_set_up_are_sums_and_lead_to_the_first_model() -> None:
    world = set_up()
    assert (status_of(world).phase, status_of(world).round) == ("summing", SET_UP + 2)
    events = close_sum(world, "moments")
    assert only(events, StatisticsAgreed).agreement == digest("moments")
    assert only(events, SumOpened).round == SET_UP + 3
    late = {"study": "heart", "round": SET_UP + 2, "attempt": 1}
    assert refusal(world, "di", RoundVote, **late, **for_total("moments")) == "stale"
    events = close_sum(world, "quantiles")
    assert only(events, StatisticsAgreed).agreement == digest("quantiles")
    assert (status_of(world).phase, status_of(world).round) == ("beginning", 0)
    assert refusal(world, "di", RoundVote, **late, **for_total("moments")) == "stale"
    assert open_rounds(world) == 0
    fields = {"study": "heart", "model": digest("first"), "parameters": 5}
    say(world, "ada", StudyBegin, **fields, agreement=digest("quantiles"))
    assert status_of(world).phase == "rounds"
    assert refusal(world, "di", RoundVote, **late, **for_total("moments")) == "stale"
    assert replayed(world).root() == world.state.root()


def test_what_comes_before_its_sum_of_set_up_is_early() -> None:
    world = four_equals()
    start(world, **TABLES)
    assert status_of(world).phase == "statistics"
    at = {"study": "heart", "round": SET_UP + 2, "attempt": 1}
    assert refusal(world, "ada", SecaggKeys, **keys_fields("ada", at)) == "early"


def test_nobody_says_its_statistics_while_they_are_summed() -> None:
    world = set_up()
    said = {"study": "heart", "digest": digest("ada"), "step": 2}
    assert refusal(world, "ada", StatisticsPost, **said) == "stale"


def test_a_sum_of_set_up_that_fails_fails_the_study() -> None:
    world = set_up(max_attempts=1)
    for name in SITES[:2]:
        say(world, name, SecaggKeys, **keys_fields(name, here(world)))
    events = quorum_times_out(world)
    assert only(events, StudyFailed).reason == "attempts"
    assert (status_of(world).phase, status_of(world).outcome) == ("closing", "failed")
    assert open_rounds(world) == 0


def test_sites_without_a_target_to_count_are_not_asked_for_test_rows() -> None:
    world = four_equals()
    start(world, **{**MASKED, **using("secagg", THREE, IN_TABLES)})
    walk_to(world, "vote")
    for name in SITES[:3]:
        vote(world, name, "new", NONE_LARGE)
    assert status_of(world).phase == "evaluation"
