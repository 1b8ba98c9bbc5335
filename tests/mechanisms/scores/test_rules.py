"""Scores of updates: committed to, revealed, and combined by the median of the power."""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import World, four_equals, member, names, only, refusal, world_of
from tests.ledger.contract.moves import (
    LOSSES,
    SCORED,
    TERMS,
    attest,
    commit,
    current,
    drive_round,
    here,
    quorum_times_out,
    register,
    reveal,
    score_all,
    score_commit,
    score_fields,
    score_reveal,
    start,
    status_of,
    using,
    walk_to,
)
from tests.ledger.vectors import VECTORS

from collegium.canonical import to_text
from collegium.ledger.contract.events import AttemptFailed, PhaseOpened
from collegium.ledger.contract.transactions import StudyRegister
from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.mechanisms.scores import score_medians
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import (
    LARGEST_SCORE,
    UNIT,
    ScoreCommit,
    ScoreReveal,
    ScoresCombined,
    ScoreTerms,
)

FOUR = ("ada", "bo", "cy", "di")
DIRECTION = ScoreTerms(by="direction", demote=0, demotion="weight", threshold=0)


def scored_world(**terms: object) -> World:
    """Return a consortium whose open attempt waits for scores."""
    world = four_equals()
    start(world, **{**SCORED, **terms})
    walk_to(world, "score.commit")
    return world


def test_scores_come_between_availability_and_votes() -> None:
    world = scored_world()
    scores = [5, -3, 0, 9]
    for name in FOUR[:3]:
        assert score_commit(world, name, scores) == ()
    assert only(score_commit(world, "di", scores), PhaseOpened).phase == "score.reveal"
    for name in FOUR[:3]:
        assert score_reveal(world, name, scores) == ()
    events = score_reveal(world, "di", scores)
    assert names(events) == ["scores.combined", "phase.opened"]
    combined = only(events, ScoresCombined)
    assert (combined.members, combined.scores, combined.scorers) == (FOUR, tuple(scores), FOUR)
    assert current(world).phase == "vote"
    drive_round(world)
    assert status_of(world).closed_rounds == 1


def test_the_median_is_taken_over_validators_for_each_update() -> None:
    world = scored_world()
    told = {"ada": [1, 10, 0, 0], "bo": [2, 20, 0, 0], "cy": [3, -9, 0, 0], "di": [-99, 99, 0, 0]}
    combined = only(score_all(world, told), ScoresCombined)
    assert combined.scores == (1, 10, 0, 0)


def test_a_validator_counts_by_its_power() -> None:
    world = world_of([member("ada", 5), *(member(name) for name in FOUR[1:])])
    start(world, **SCORED)
    walk_to(world, "score.commit")
    told = {"ada": [7] * 4, **{name: [-7] * 4 for name in FOUR[1:]}}
    assert only(score_all(world, told), ScoresCombined).scores == (7,) * 4


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=9))
def test_the_weighted_median_is_the_median_of_what_is_repeated(
    claims: list[tuple[int, int]],
) -> None:
    repeated = sorted(value for value, power in claims for _ in range(power))
    assert score_medians.median(claims) == repeated[(len(repeated) - 1) // 2]


@given(
    st.lists(st.integers(-100, 100), min_size=3, max_size=9),
    st.lists(st.integers(-(10**6), 10**6), max_size=4),
)
def test_less_than_half_of_the_power_cannot_move_a_median_beyond_what_honest_ones_say(
    honest: list[int], lies: list[int]
) -> None:
    lies = lies[: len(honest) - 1]
    found = score_medians.median([(value, 1) for value in (*honest, *lies)])
    assert min(honest) <= found <= max(honest)


def test_scores_open_what_was_committed_to_and_nothing_else() -> None:
    world = scored_world()
    for name in FOUR:
        score_commit(world, name, [1, 2, 3, 4])
    at = here(world)
    _, fields = score_fields(world, "bo", [1, 2, 3, 4], at)
    assert refusal(world, "bo", ScoreReveal, **{**fields, "scores": (1, 2, 3, 5)}) == "refused"
    assert refusal(world, "bo", ScoreReveal, **{**fields, "salt": to_text(bytes(32))}) == "refused"
    assert refusal(world, "ada", ScoreReveal, **fields) == "refused", "a copy of another's"
    assert score_reveal(world, "bo", [1, 2, 3, 4]) == ()
    assert refusal(world, "bo", ScoreReveal, **fields) == "already"


@pytest.mark.parametrize(
    ("scores", "norm", "terms"),
    [
        ([1, 2, 3], None, LOSSES),
        ([1, 2, 3, 4, 5], None, LOSSES),
        ([1, 2, 3, 4], 7, LOSSES),
        ([1, 2, 3, 4], None, DIRECTION),
        ([1, 2, 3, UNIT + 1], 7, DIRECTION),
    ],
    ids=["too-few", "too-many", "norm", "no-norm", "no-cosine"],
)
def test_scores_are_what_the_study_asks_for(
    scores: list[int], norm: int | None, terms: ScoreTerms
) -> None:
    world = scored_world(**using(terms))
    for name in FOUR:
        score_commit(world, name, scores, norm=norm)
    _, fields = score_fields(world, "ada", scores, here(world), norm)
    assert refusal(world, "ada", ScoreReveal, **fields) == "malformed"


def test_scores_have_a_range() -> None:
    world = scored_world()
    largest = [LARGEST_SCORE, -LARGEST_SCORE, 0, 0]
    for name in FOUR:
        score_commit(world, name, largest)
    score_reveal(world, "ada", largest)
    _, fields = score_fields(world, "bo", largest, here(world))
    beyond = {**fields, "scores": (LARGEST_SCORE + 1, 0, 0, 0)}
    assert refusal(world, "bo", ScoreReveal, **beyond) == "malformed"


def test_norms_have_a_median_too() -> None:
    world = scored_world(**using(DIRECTION))
    for index, name in enumerate(FOUR):
        score_commit(world, name, [index, 0, 0, -index], norm=100 + index)
    events: tuple[object, ...] = ()
    for index, name in enumerate(FOUR):
        events = score_reveal(world, name, [index, 0, 0, -index], norm=100 + index)
    combined = only(events, ScoresCombined)  # type: ignore[arg-type]
    assert (combined.norm, combined.scores) == (101, (1, 0, 0, -2))


def test_a_missing_validator_is_done_without() -> None:
    world = scored_world()
    for name in FOUR[:3]:
        score_commit(world, name, [4, 4, 4, 4])
    assert only(quorum_times_out(world), PhaseOpened).timed_out
    for name in FOUR[:2]:
        score_reveal(world, name, [4, 4, 4, 4])
    assert current(world).phase == "score.reveal"
    events = score_reveal(world, "cy", [4, 4, 4, 4])
    assert only(events, ScoresCombined).scorers == FOUR[:3]


@pytest.mark.parametrize("phase", ["score.commit", "score.reveal"])
def test_without_a_quorum_of_scores_the_attempt_fails_and_the_round_is_tried_again(
    phase: str,
) -> None:
    world = scored_world()
    for name in FOUR if phase == "score.reveal" else FOUR[:2]:
        score_commit(world, name, [4, 4, 4, 4])
    if phase == "score.reveal":
        for name in FOUR[:2]:
            score_reveal(world, name, [4, 4, 4, 4])
    events = quorum_times_out(world)
    assert only(events, AttemptFailed).reason == "unscored"
    assert (current(world).attempt, current(world).phase) == (2, "commit")


def test_an_excluded_update_has_no_score() -> None:
    world = four_equals()
    start(world, **SCORED)
    for name in FOUR:
        commit(world, name)
    for name in FOUR[:3]:
        reveal(world, name)
    quorum_times_out(world)
    for name in FOUR:
        attest(world, name, FOUR[:3])
    combined = only(score_all(world, {name: [1, 2, 3] for name in FOUR}), ScoresCombined)
    assert combined.members == FOUR[:3]


def test_only_validators_score() -> None:
    world = world_of([*(member(name) for name in FOUR), member("eve", 0, ("site",))])
    start(world, sites=(*FOUR, "eve"), per_round=5, **SCORED)
    walk_to(world, "score.commit")
    fields, _ = score_fields(world, "eve", [0] * 5, here(world))
    assert refusal(world, "eve", ScoreCommit, **fields) == "not-a-participant"


@pytest.mark.parametrize(
    "terms",
    [
        {"modules": SCORED["modules"]},
        {"terms": SCORED["terms"]},
        using("secagg", DealingTerms(threshold=3), LOSSES),
    ],
    ids=["nothing said", "not used", "nobody sees updates"],
)
def test_terms_and_modules_go_together(terms: dict[str, object]) -> None:
    world = four_equals()
    register(world, study="other")
    assert refusal(world, "ada", StudyRegister, **{**TERMS, **terms}) == "malformed"


@pytest.mark.parametrize("index", range(7))
def test_a_commitment_binds_to_member_place_and_scores(index: int) -> None:
    here: list[Any] = [bytes(32), "heart", 1, 1, "ada", ScoreRecord(scores=(1, 2)), b"s" * 32]
    other: list[Any] = [b"x" * 32, "lung", 2, 2, "bo", ScoreRecord(scores=(2, 1)), b"t" * 32]
    there = [*here[:index], other[index], *here[index + 1 :]]
    assert score_medians.commitment(*here) != score_medians.commitment(*there)


@pytest.mark.parametrize("vector", VECTORS["scores"])
def test_a_commitment_is_made_as_the_page_says(vector: dict[str, Any]) -> None:
    place = _lp(vector["study"]) + struct.pack(">QQ", vector["round"], vector["attempt"])
    genesis = bytes.fromhex(VECTORS["genesis"][1]["digest"])
    said = genesis + place + _lp(vector["member"]) + bytes.fromhex(vector["salt"])
    value = sha256(b"collegium/scores/v1\0" + said + _lp(vector["scored"])).hexdigest()
    assert value == vector["commitment"]
    assert (
        score_medians.median([(one, power) for one, power in vector["claims"]]) == vector["median"]
    )


def _lp(text: str) -> bytes:
    return len(text).to_bytes(4, "big") + text.encode()
