"""Setting up a study of tables: steps of statistics, votes on them, and the first model."""

from typing import Any

import pytest
from tests.ledger.contract.kit import World, digest, four_equals, names, only, refusal, say
from tests.ledger.contract.moves import (
    accept,
    current,
    drive_round,
    model_now,
    participants,
    register,
    status_of,
    using,
)

from collegium.ledger.contract.events import Events, RoundOpened, StudyFailed
from collegium.ledger.contract.transactions import PhaseTimeout, StudyAbandon, UpdateCommit
from collegium.mechanisms.statistics.terms import (
    StatisticsAgreed,
    StatisticsGathered,
    StatisticsPost,
    StatisticsTerms,
    StatisticsUndecided,
    StatisticsVote,
    StudyBegin,
    StudyBegun,
)

SITES = ("ada", "bo", "cy", "di")


def in_steps(count: int) -> dict[str, Any]:
    """Return the fields of a registration that is set up in so many steps."""
    return using(StatisticsTerms(steps=count))


def asked(steps: int = 2, **terms: Any) -> World:
    """Return four members whose study asks for the first step."""
    world = four_equals()
    register(world, **in_steps(steps), parameters=1, **terms)
    for site in SITES:
        accept(world, site)
    return world


def post(world: World, who: str, step: int = 1, label: str = "said") -> Events:
    return say(
        world, who, StatisticsPost, study="heart", step=step, digest=digest(f"{who} {label}")
    )


def vote(world: World, who: str, label: str = "agreed", attempt: int = 1) -> Events:
    return say(
        world, who, StatisticsVote, study="heart", attempt=attempt, agreement=digest(label)
    )  # fmt: skip


def gathered(world: World, step: int = 1) -> Events:
    events: Events = ()
    for site in SITES:
        events = post(world, site, step)
    return events


def decided(world: World, attempt: int = 1, label: str = "agreed") -> Events:
    events: Events = ()
    for site in SITES[:3]:
        events = vote(world, site, label, attempt)
    return events


def begun(world: World, who: str = "ada", **fields: Any) -> Events:
    usual = {"agreement": digest("second"), "model": digest("first model"), "parameters": 9}
    return say(world, who, StudyBegin, study="heart", **{**usual, **fields})


def set_up(world: World) -> Events:
    """Go through both steps and return what the last vote did."""
    gathered(world)
    decided(world)
    gathered(world, 2)
    return decided(world, 2, "second")


def timeout(world: World, who: str, phase: str, attempt: int) -> Events:
    return say(
        world, who, PhaseTimeout, study="heart", round=0, attempt=attempt,
        phase=f"statistics.{phase}",
    )  # fmt: skip


def test_statistics_come_before_the_first_round_where_they_are_registered() -> None:
    world = four_equals()
    register(world, **in_steps(2))
    for site in SITES[:3]:
        assert accept(world, site) == ()
    assert names(accept(world, "di")) == ["statistics.asked"]
    assert status_of(world).phase == "statistics"


def test_all_posts_open_the_vote_and_a_quorum_ends_the_step() -> None:
    world = asked()
    assert post(world, "ada") == ()
    assert refusal(
        world, "ada", StatisticsPost, study="heart", step=1, digest=digest("again")
    ) == "already"  # fmt: skip
    assert only(gathered_rest(world), StatisticsGathered).sites == SITES
    assert vote(world, "ada") == ()
    assert vote(world, "bo") == (), "two of four are no quorum"
    events = vote(world, "cy")
    assert only(events, StatisticsAgreed).agreement == digest("agreed")
    assert names(events) == ["statistics.agreed", "statistics.asked"]
    late = {"study": "heart", "attempt": 1, "agreement": digest("agreed")}
    assert refusal(world, "di", StatisticsVote, **late) == "stale"


def gathered_rest(world: World) -> Events:
    events: Events = ()
    for site in SITES[1:]:
        events = post(world, site)
    return events


def test_the_owner_begins_over_what_was_agreed_and_round_one_opens() -> None:
    world = asked()
    assert names(set_up(world)) == ["statistics.agreed"]
    assert status_of(world).phase == "beginning"
    fields = {
        "study": "heart", "model": digest("first model"), "parameters": 9,
        "agreement": digest("second"),
    }  # fmt: skip
    assert refusal(world, "bo", StudyBegin, **fields) == "role"
    other = {**fields, "agreement": digest("other")}
    assert refusal(world, "ada", StudyBegin, **other) == "refused"
    events = begun(world)
    assert only(events, StudyBegun).parameters == 9
    assert only(events, RoundOpened).model == digest("first model")
    assert refusal(world, "ada", StudyBegin, **fields) == "stale"
    drive_round(world)
    assert model_now(world) != digest("first model")


def test_reveals_are_held_against_the_first_model_s_size() -> None:
    world = asked()
    set_up(world)
    begun(world, parameters=2)
    drive_round(world)
    assert participants(world) == list(SITES)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (StatisticsPost, {"step": 2, "digest": digest("x")}),
        (StatisticsVote, {"attempt": 1, "agreement": digest("x")}),
        (StudyBegin, {"agreement": digest("x"), "model": digest("x"), "parameters": 1}),
        (UpdateCommit, {"round": 1, "attempt": 1, "commitment": digest("x")}),
        (PhaseTimeout, {"round": 0, "attempt": 0, "phase": "beginning"}),
        (PhaseTimeout, {"round": 0, "attempt": 0, "phase": "statistics.vote"}),
    ],
)
def test_what_comes_before_its_time_is_early(kind: Any, fields: dict[str, Any]) -> None:
    assert refusal(asked(), "ada", kind, study="heart", **fields) == "early"


def test_only_who_takes_part_posts() -> None:
    world = four_equals()
    register(world, **in_steps(1), sites=("ada", "bo"), per_round=2)
    for site in ("ada", "bo"):
        accept(world, site)
    said = {"study": "heart", "step": 1, "digest": digest("x")}
    assert refusal(world, "cy", StatisticsPost, **said) == "not-a-participant"


def test_a_vote_has_either_an_agreement_or_a_reason() -> None:
    world = asked()
    gathered(world)
    place = {"study": "heart", "attempt": 1}
    assert refusal(world, "ada", StatisticsVote, **place) == "malformed"
    both = {**place, "agreement": digest("x"), "fail": "refused"}
    assert refusal(world, "ada", StatisticsVote, **both) == "malformed"


def test_without_a_quorum_the_vote_is_repeated_until_patience_ends() -> None:
    world = asked(max_attempts=2)
    gathered(world)
    vote(world, "ada", "one")
    say(world, "bo", StatisticsVote, study="heart", attempt=1, fail="unavailable")
    events = vote(world, "cy", "another")
    assert only(events, StatisticsUndecided).reason == "no-quorum"
    vote(world, "ada", "one", attempt=2)
    vote(world, "bo", "two", attempt=2)
    assert only(vote(world, "cy", "three", attempt=2), StudyFailed).reason == "attempts"
    assert status_of(world).phase == "closing"


def test_a_silent_site_is_waited_for_until_a_quorum_s_timers_fire() -> None:
    world = asked()
    for site in SITES[:3]:
        post(world, site)
    timeout(world, "ada", "post", 0)
    timeout(world, "bo", "post", 0)
    events = timeout(world, "cy", "post", 0)
    assert only(events, StatisticsGathered).sites == SITES[:3]
    late = {"study": "heart", "step": 1, "digest": digest("late")}
    assert refusal(world, "di", StatisticsPost, **late) == "stale"
    stale = {"study": "heart", "round": 0, "attempt": 0, "phase": "statistics.post"}
    assert refusal(world, "di", PhaseTimeout, **stale) == "stale"


def test_with_too_few_sites_the_study_fails() -> None:
    world = asked(min_sites=3)
    post(world, "ada")
    for validator in SITES[:2]:
        timeout(world, validator, "post", 0)
    assert only(timeout(world, "cy", "post", 0), StudyFailed).reason == "too-few"


def test_a_vote_and_a_beginning_that_nobody_ends_are_timed_out() -> None:
    world = asked(max_attempts=1)
    gathered(world)
    for validator in SITES[:2]:
        timeout(world, validator, "vote", 1)
    events = timeout(world, "cy", "vote", 1)
    assert only(events, StatisticsUndecided).reason == "timeout"
    assert only(events, StudyFailed).reason == "attempts"

    world = asked()
    set_up(world)
    place = {"study": "heart", "round": 0, "attempt": 0, "phase": "beginning"}
    for validator in SITES[:2]:
        say(world, validator, PhaseTimeout, **place)
    assert only(say(world, "cy", PhaseTimeout, **place), StudyFailed).reason == "abandoned"


def test_a_study_that_waits_for_all_is_given_up_by_a_quorum() -> None:
    world = asked(attendance="all", min_sites=4)
    place = {"study": "heart", "round": 0, "attempt": 0, "phase": "statistics.post"}
    assert refusal(world, "ada", PhaseTimeout, **place) == "refused"
    for validator in SITES[:2]:
        say(world, validator, StudyAbandon, **place)
    assert only(say(world, "cy", StudyAbandon, **place), StudyFailed).reason == "abandoned"


def test_a_latecomer_joins_the_rounds() -> None:
    world = four_equals()
    register(world, **in_steps(1), min_sites=2)
    accept(world, "ada")
    accept(world, "bo")
    place = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}
    for validator in SITES[:3]:
        say(world, validator, PhaseTimeout, **place)
    post(world, "ada")
    assert accept(world, "cy") == ()
    post(world, "bo")
    post(world, "cy")
    decided(world)
    begun(world, agreement=digest("agreed"))
    assert participants(world) == ["ada", "bo", "cy"]
    assert current(world).phase == "commit"
