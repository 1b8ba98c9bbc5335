"""Votes: a quorum of the power closes a round, its impossibility fails the attempt."""

from __future__ import annotations

from hashlib import sha256
from math import gcd
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    member,
    names,
    only,
    refusal,
    refusal_of,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    attest,
    close,
    current,
    drive_round,
    evaluate,
    fail,
    for_model,
    for_nothing,
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
from tests.ledger.vectors import VECTORS

from collegium import canonical
from collegium.canonical import to_text
from collegium.ledger.contract.encoding import (
    LEAST_ROOM,
    MOST_ROOM,
    indicated,
    next_exponent,
    room_of,
)
from collegium.ledger.contract.events import AttemptFailed, RoundClosed, RoundOpened, VoteLate
from collegium.ledger.contract.results import decode_result, encode_result, result_digest
from collegium.ledger.contract.ring import ring_of
from collegium.ledger.contract.tables import ModelRecord, round_path, study_path
from collegium.ledger.contract.transactions import RoundVote
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.hashing import tagged_hash

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


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"of": "model"},
        {"of": "none"},
        {"of": "nothing", "reason": "refused"},
        {"model": digest("new")},
        {"of": "model", "model": digest("new"), "reason": "refused"},
        {"of": "none", "model": digest("new"), "reason": "refused"},
        {"of": "none", "reason": "bored"},
        {"of": "model", "model": "fail"},
        {"of": "model", "model": "A" * 42 + "B"},
        {"of": "model", "model": digest("new"), "parts": None},
        {"of": "model", "model": digest("new"), "parts": {}},
        {"of": "model", "model": digest("new"), "parts": {"nobody": {}}},
        {"of": "total", "total": digest("new")},
    ],
)
def test_a_vote_has_either_a_model_or_a_reason(result: object) -> None:
    world = voting()
    assert refusal(world, "ada", RoundVote, **here(world), result=result) == "malformed"


def test_a_vote_is_for_something() -> None:
    world = voting()
    fields = {**here(world), "kind": "round.vote", "format": 1, "genesis": to_text(world.identity)}
    said = sign_envelope(canonical.encode(fields), world.keys["ada"])
    assert refusal_of(world, said) == "malformed"


def test_votes_are_counted_by_the_digest_of_what_they_are_for() -> None:
    world = voting()
    vote(world, "ada", "new")
    fail(world, "bo")
    path = round_path("heart", 1, "votes")
    for name, result in (("ada", for_model("new")), ("bo", for_nothing("unavailable"))):
        assert world.state.get(path, f"0001/{name}") == canonical.encode(result["result"])
    tally = round_path("heart", 1, "tally")
    model = to_text(tagged_hash("result", canonical.encode(for_model("new")["result"])))
    assert world.state.names(tally) == tuple(sorted((f"0001/{model}", "0001/fail")))


def test_a_validator_votes_once() -> None:
    world = voting()
    vote(world, "ada", "new")
    assert refusal(world, "ada", RoundVote, **here(world), **for_model("new")) == "already"
    assert refusal(world, "ada", RoundVote, **here(world), **for_nothing("refused")) == "already"


def test_votes_of_a_failed_attempt_do_not_count_in_the_next() -> None:
    world = voting()
    first = here(world)
    vote(world, "ada", "new")
    vote(world, "bo", "new")
    quorum_times_out(world)
    assert refusal(world, "cy", RoundVote, **first, **for_model("new")) == "stale"
    walk_to(world, "vote")
    assert vote(world, "cy", "new") == ()


def test_the_first_vote_after_closing_is_recorded_without_effect() -> None:
    world = voting()
    at = here(world)
    for name in SITES[:3]:
        vote(world, name, "new")
    events = say(world, "di", RoundVote, **at, **for_model("lie"))
    assert only(events, VoteLate).agrees is False
    assert model_now(world) == digest("new")
    assert refusal(world, "di", RoundVote, **at, **for_model("new")) == "already"
    assert refusal(world, "ada", RoundVote, **at, **for_model("new")) == "already"


def test_a_latecomer_that_agrees_is_not_called_a_liar() -> None:
    world = voting()
    at = here(world)
    for name in SITES[:3]:
        vote(world, name, "new")
    walk_to(world, "vote")
    assert only(say(world, "di", RoundVote, **at, **for_model("new")), VoteLate).agrees


def test_late_is_over_when_the_next_round_closes_or_the_study_does() -> None:
    world = voting()
    first = here(world)
    drive_round(world)
    second = here(world)
    drive_round(world)
    assert refusal(world, "di", RoundVote, **first, **for_model("model 1")) == "stale"
    refused = {**second, **for_nothing("refused")}
    assert only(say(world, "di", RoundVote, **refused), VoteLate).agrees is False
    for name in SITES:
        evaluate(world, name)
    release(world)
    close(world)
    assert refusal(world, "cy", RoundVote, **refused) in ("already", "stale")


def test_late_votes_are_for_the_attempt_that_closed_and_by_its_validators() -> None:
    people = [*(member(name) for name in ("ada", "bo", "cy")), member("eve", 0, ["site"])]
    world = world_of(people)
    start(world, sites=("ada", "bo", "cy"), per_round=3)
    first = here(world)
    quorum_times_out(world)
    drive_round(world)
    assert refusal(world, "cy", RoundVote, **first, **for_model("model 1")) == "stale"
    second = {**first, "attempt": 2, **for_nothing("refused")}
    assert refusal(world, "eve", RoundVote, **second) == "not-a-participant"


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
    ("peaks", "moved"),
    [
        ([1 << 15] * 4, 0),
        ([(32767 << 2) - 1] * 3 + [32767 << 8], 0),
        ([32767 << 2] * 2 + [1 << 15] * 2, 0),  # two of four are not more than half
        ([32767 << 2] * 3 + [1 << 15], -1),
        ([100] * 4, 2),
        ([8192 << 2] * 2 + [100] * 2, 0),  # the upper median
        ([8192 << 2] * 1 + [100] * 3, 2),
        ([32767 << 8] + [1 << 15] * 3, 0),  # one liar moves nobody's exponent
        ([0] + [1 << 15] * 3, 0),
    ],
)
def test_the_exponent_follows_what_most_updates_need(peaks: list[int], moved: int) -> None:
    assert exponent_after([(peak, 0) for peak in peaks]) == 20 + moved


def test_a_first_round_has_all_its_room_below_what_is_registered() -> None:
    world = four_equals()
    start(world)
    assert (current(world).exponent, current(world).room) == (20, 8)
    assert exponent_after([(1 << 15, 0)] * 4, exponent=28) == 30, "30 is the largest"


def test_ledgers_of_contract_1_have_no_room_and_go_by_saturation() -> None:
    assert room_of([1], 1) == 0
    assert indicated(1, 0, 32767, 1, 1000) == (False, False), "0.1 % is not over 0.1 %"
    assert indicated(1, 0, 8191, 2, 1000) == (True, True)
    assert next_exponent(12, 0, 4, coarser=2, finer=2) == 12
    assert next_exponent(12, 0, 4, coarser=3, finer=4) == 11, "saturation goes first"
    assert next_exponent(12, 0, 4, coarser=0, finer=3) == 13


@given(st.lists(st.integers(1, 2**30), min_size=1, max_size=400))
def test_no_sum_of_updates_leaves_its_ring(weights: list[int]) -> None:
    room, ring = room_of(weights, 2), ring_of(weights, 2)
    assert LEAST_ROOM <= room <= MOST_ROOM
    total = sum(weight // gcd(*weights) for weight in weights)
    assert (32767 << room) * total < 2 ** (ring - 1)
    assert ring == 32 or total >= 2**12


def test_the_exponent_stays_in_its_range() -> None:
    assert next_exponent(-8, 8, 4, coarser=4, finer=0) == -8
    assert next_exponent(29, 8, 4, coarser=0, finer=4) == 30
    assert exponent_after([(0, 0)] * 4, exponent=30) == 30


def test_indicators_of_excluded_updates_do_not_count() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    for name in SITES:
        reveal(world, name, peak=40000 if name in ("ada", "bo") else 10**6)
    for name in SITES:
        attest(world, name, ("ada", "bo"))
    drive_round(world)
    assert current(world).exponent == 20


def test_the_last_round_opens_the_test_parts() -> None:
    world = four_equals()
    start(world, rounds=1)
    assert names(drive_round(world)) == ["round.closed", "test.opened"]


@pytest.mark.parametrize("vector", VECTORS["results"])
def test_votes_are_counted_by_the_digest_of_the_canonical_result(vector: dict[str, str]) -> None:
    result = decode_result(vector["result"].encode())
    assert encode_result(result) == vector["result"].encode()
    assert to_text(result_digest(encode_result(result))) == vector["digest"]
    tagged = b"collegium/result/v1\0" + vector["result"].encode()
    assert to_text(sha256(tagged).digest()) == vector["digest"]
