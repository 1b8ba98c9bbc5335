"""After training: the sites' statements about the final model, and its release by the owner."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    member,
    only,
    refusal,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    carry,
    close,
    evaluate,
    model_now,
    quorum_times_out,
    register,
    release,
    start,
    status_of,
    train,
)

from collegium.ledger.contract.events import EvaluationComplete
from collegium.ledger.contract.tables import EvaluationRecord, study_path
from collegium.ledger.contract.transactions import EvaluationPost, Expel, ModelRelease

SITES = ("ada", "bo", "cy", "di")


def trained() -> World:
    """Return a consortium whose study is in its evaluation."""
    world = four_equals()
    train(world)
    return world


def statement(world: World, **change: Any) -> dict[str, Any]:
    """Return the fields of a statement."""
    usual = {"study": "heart", "model": model_now(world), "federated": digest("statement")}
    return {**usual, **change}


def bundle(world: World, **change: Any) -> dict[str, Any]:
    """Return the fields of a release."""
    usual = {"study": "heart", "model": model_now(world), "bundle": digest("bundle")}
    return {**usual, **change}


def test_the_evaluation_is_complete_when_every_site_has_posted() -> None:
    world = trained()
    for name in SITES[:3]:
        assert evaluate(world, name) == ()
    assert only(evaluate(world, "di"), EvaluationComplete).posted == 4
    assert status_of(world).phase == "release"


def test_a_statement_may_speak_of_the_sites_own_model() -> None:
    world = trained()
    say(world, "ada", EvaluationPost, **statement(world, local=digest("local")))
    record = world.state.record(study_path("heart", "evaluations"), "ada", EvaluationRecord)
    assert record == EvaluationRecord(federated=digest("statement"), local=digest("local"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": digest("model 1")}, "refused"),
        ({"federated": "!" * 43}, "malformed"),
        ({"local": "!" * 43}, "malformed"),
        ({"study": "lung"}, "unknown-study"),
    ],
)
def test_a_statement_is_about_the_final_model(change: dict[str, Any], code: str) -> None:
    world = trained()
    assert refusal(world, "ada", EvaluationPost, **statement(world, **change)) == code


def test_a_site_posts_once_and_in_time() -> None:
    world = four_equals()
    start(world)
    assert refusal(world, "ada", EvaluationPost, **statement(world)) == "early"
    world = trained()
    evaluate(world, "ada")
    assert refusal(world, "ada", EvaluationPost, **statement(world)) == "already"
    quorum_times_out(world)
    assert refusal(world, "bo", EvaluationPost, **statement(world)) == "stale"


def test_only_sites_that_accepted_post() -> None:
    world = world_of(member(name) for name in (*SITES, "eve"))
    train(world)
    assert refusal(world, "eve", EvaluationPost, **statement(world)) == "not-a-participant"


def test_a_quorum_of_timers_ends_the_evaluation() -> None:
    world = trained()
    evaluate(world, "ada")
    assert only(quorum_times_out(world), EvaluationComplete).posted == 1


def test_an_expelled_sites_statement_is_not_waited_for() -> None:
    world = trained()
    carry(world, Expel("di"), by=SITES[:3])
    for name in SITES[:3]:
        evaluate(world, name)
    assert status_of(world).phase == "release"


def test_the_owner_releases_the_final_model_once() -> None:
    world = trained()
    assert refusal(world, "ada", ModelRelease, **bundle(world)) == "early"
    for name in SITES:
        evaluate(world, name)
    assert refusal(world, "bo", ModelRelease, **bundle(world)) == "role"
    assert refusal(world, "ada", ModelRelease, **bundle(world, model=digest("x"))) == "refused"
    assert refusal(world, "ada", ModelRelease, **bundle(world, bundle="!" * 43)) == "malformed"
    release(world)
    assert status_of(world).bundle == digest("bundle")
    assert refusal(world, "ada", ModelRelease, **bundle(world)) == "already"
    close(world)
    assert refusal(world, "ada", ModelRelease, **bundle(world)) == "already"


def test_a_release_that_does_not_come_is_timed_out() -> None:
    world = trained()
    quorum_times_out(world)
    quorum_times_out(world)
    assert status_of(world).phase == "closing"
    assert refusal(world, "ada", ModelRelease, **bundle(world)) == "stale"
    close(world)
    assert status_of(world).outcome == "completed"


def test_a_study_that_failed_has_nothing_to_evaluate_or_release() -> None:
    world = four_equals()
    register(world)
    quorum_times_out(world)
    assert refusal(world, "ada", ModelRelease, **bundle(world)) == "stale"
    assert refusal(world, "ada", EvaluationPost, **statement(world)) == "not-a-participant"
