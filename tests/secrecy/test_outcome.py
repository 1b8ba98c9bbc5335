"""Sums of groups lead to the model of the plain groups' means, whoever drops out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.secrecy.circles import MODEL, PLACE, secrets_of, updates_of

from collegium.errors import RunError
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.next_model import next_model, server_named
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, TensorSpec, digest, encode_model, encode_update
from collegium.mechanisms.secagg.protocol import SECAGG
from collegium.mechanisms.sum_check.pedersen import blinding_limbs, commitment
from collegium.secrecy.masked import residues, with_limbs
from collegium.secrecy.masking import signed
from collegium.secrecy.outcome import (
    HiddenAttempt,
    ServerStep,
    SumOutcome,
    agreement_within,
    outcome,
)
from collegium.secrecy.secure_sum import Posted, SumFailure
from collegium.secrecy.sum_setup import FixedDeals, ShareHolders
from collegium.secrecy.sums import InconsistentSum, SumInputs
from collegium.study.document import Server

SIZE = 12
NAMES = [f"s{number:02d}" for number in range(12)]
GROUPS = {name: 1 + number % 3 for number, name in enumerate(NAMES)}
WEIGHTS = {name: 1 + number % 4 for number, name in enumerate(NAMES)}
START = ModelState((TensorSpec("w", (SIZE,)),), np.zeros(SIZE, np.float32), "none@1", 0, ())
Updates = dict[str, NDArray[np.int16]]


def recipe(rule: str = "trimmed_mean", tolerate: int = 1) -> ServerStep:
    return ServerStep(SECAGG, SIZE, rule_called(rule), tolerate, server_named("none@1"), Server())


def attempt_of(
    updates: Updates, dealers: Collection[str], holders: Collection[str], threshold: int = 3,
    *, checked: bool = False, bound: int | None = None, ring: int = 32,
) -> HiddenAttempt:  # fmt: skip
    """An attempt in which some have dealt, those of `updates` survive, and some post shares."""
    own = {name: secrets_of(name) for name in NAMES}
    keys = {name: SECAGG.advertise(own[name]) for name in NAMES}
    whole = FixedDeals(ShareHolders(PLACE, threshold, keys), MODEL, 12, ring, {})
    deals: dict[str, bytes] = {}
    for name in sorted(dealers):
        share_holders = agreement_within(whole, GROUPS, GROUPS[name]).share_holders
        deals[name] = SECAGG.deal(own[name], share_holders, name)
    whole = replace(whole, deals={name: digest(deal) for name, deal in deals.items()})
    hidden, points = {}, {}
    for place, (name, update) in enumerate(sorted(updates.items()), 1):
        agreement = agreement_within(whole, GROUPS, GROUPS[name])
        vector = residues(update, WEIGHTS[name], ring)
        if checked:
            points[name] = commitment(signed(vector), ring, 7919**place)
            vector = with_limbs(vector, blinding_limbs(7919**place))
        hidden[name] = SECAGG.protect(own[name], agreement, name, vector)
    posted: dict[str, dict[str, bytes]] = {}
    for name in holders:
        agreement = agreement_within(whole, GROUPS, GROUPS[name])
        inside = {dealer: deals[dealer] for dealer in agreement.deals}
        survivors = frozenset(updates)
        posted[name] = SECAGG.shares(own[name], agreement, name, inside, survivors)
    weights = {name: WEIGHTS[name] for name in sorted(updates)}
    sealed = SumInputs(whole, weights, hidden, deals, posted, points, bound)
    return HiddenAttempt(sealed, GROUPS)


def altered(attempt: HiddenAttempt, **changes: Any) -> HiddenAttempt:
    """The same attempt with something else in it."""
    return replace(attempt, everybody=replace(attempt.everybody, **changes))


def plain(updates: Updates, rule: str, tolerate: int, without: Collection[int] = ()) -> bytes:
    """The model of the groups' plain means, by integers alone and no secret."""
    means, weights = [], []
    for number in sorted({GROUPS[name] for name in updates}.difference(without)):
        inside = [name for name in updates if GROUPS[name] == number]
        weight = sum(WEIGHTS[name] for name in inside)
        total = [
            sum(WEIGHTS[name] * int(updates[name][at]) for name in inside) for at in range(SIZE)
        ]
        mean = np.array([(2 * one + weight) // (2 * weight) for one in total], np.int16)
        means.append(Contribution(digest(encode_update(mean, 12)), mean))
        weights.append(weight)
    model = next_model(
        START, means, tuple(weights), tuple(map(str, range(len(means)))), 12, rule_called(rule),
        tolerate, server_named("none@1"), Server(),
    )  # fmt: skip
    return encode_model(model)


def bytes_of(found: SumOutcome) -> bytes:
    assert found.model is not None, found.refused
    return encode_model(found.model)


@given(data=st.data(), ring=st.sampled_from([32, 64]), checked=st.booleans())
@settings(max_examples=25, deadline=None)
def test_every_drop_out_down_to_the_thresholds_leads_to_the_plain_model(
    data: st.DataObject, ring: int, checked: bool
) -> None:
    def drawn(names: Collection[str]) -> list[str]:
        """Of each group some, at least three."""
        found = []
        for number in (1, 2, 3):
            inside = data.draw(st.permutations([one for one in names if GROUPS[one] == number]))
            found += inside[: data.draw(st.integers(3, len(inside)))]
        return sorted(found)

    dealers = drawn(NAMES)
    survivors = drawn(dealers)
    updates = updates_of(survivors, SIZE, seed=data.draw(st.integers(0, 99)))
    attempt = attempt_of(updates, dealers, drawn(survivors), ring=ring, checked=checked)
    rule = data.draw(st.sampled_from(["trimmed_mean", "nnm+median", "fedavg"]))
    tolerate = 0 if rule == "fedavg" else 1
    found = outcome(attempt, START, recipe(rule, tolerate))
    assert not found.refused
    assert bytes_of(found) == plain(updates, rule, tolerate)


def test_a_group_that_lost_its_place_is_in_no_sum() -> None:
    left = [name for name in NAMES if GROUPS[name] != 2]
    updates = updates_of(left, SIZE)
    attempt = attempt_of(updates, NAMES, left)
    going_on = {name: one for name, one in GROUPS.items() if one != 2}
    found = outcome(replace(attempt, groups=going_on), START, recipe("median", 0))
    assert bytes_of(found) == plain(updates, "median", 0)


def test_indicators_are_those_of_the_groups_that_count() -> None:
    updates = updates_of(NAMES, SIZE)
    found = outcome(attempt_of(updates, NAMES, NAMES), START, recipe())
    assert (found.saturated, found.small) == (0, 0)
    quiet = {name: (update // 8).astype(np.int16) for name, update in updates.items()}
    found = outcome(attempt_of(quiet, NAMES, NAMES), START, recipe())
    assert found.small == 12


def test_a_group_whose_sum_is_too_long_is_left_out() -> None:
    updates = updates_of(NAMES, SIZE)
    bound = max(int(np.linalg.norm(update.astype(float))) + 1 for update in updates.values())
    honest = outcome(attempt_of(updates, NAMES, NAMES, bound=bound), START, recipe())
    assert not honest.refused
    calm = {name: (update // 64).astype(np.int16) for name, update in updates.items()}
    calm["s00"] = np.full(SIZE, 32767, np.int16)
    found = outcome(attempt_of(calm, NAMES, NAMES, bound=bound // 32), START, recipe("median"))
    assert found.refused == {1: InconsistentSum("norm")}
    assert bytes_of(found) == plain(calm, "median", 0, without=[1])


def test_a_commitment_to_another_vector_is_found_in_its_group_alone() -> None:
    updates = updates_of(NAMES, SIZE)
    attempt = attempt_of(updates, NAMES, NAMES, checked=True)
    other = updates["s01"].copy()
    other[3] ^= 1
    forged = commitment(signed(residues(other, WEIGHTS["s01"], 32)), 32, 7919**2)
    forged_points = {**attempt.everybody.points, "s01": forged}
    found = outcome(altered(attempt, points=forged_points), START, recipe("median"))
    assert found.refused == {2: InconsistentSum("commitments")}
    assert bytes_of(found) == plain(updates, "median", 0, without=[2])


def test_two_commitments_exchanged_are_no_lie_of_their_sum_and_across_groups_they_are() -> None:
    attempt = attempt_of(updates_of(NAMES, SIZE), NAMES, NAMES, checked=True)
    points = dict(attempt.everybody.points)
    points["s00"], points["s03"] = points["s03"], points["s00"]  # both in group 1
    assert not outcome(altered(attempt, points=points), START, recipe()).refused
    points["s00"], points["s01"] = points["s01"], points["s00"]
    found = outcome(altered(attempt, points=points), START, recipe("median", 2))
    assert found.refused == {1: InconsistentSum("commitments"), 2: InconsistentSum("commitments")}


def test_a_vector_under_other_masks_is_found_by_the_commitments_at_least() -> None:
    """What a bug in masking, or members who disagree on it, would do: sums that are no sums."""
    attempt = attempt_of(updates_of(NAMES, SIZE), NAMES, NAMES, checked=True)
    blob = bytearray(attempt.everybody.hidden["s04"])
    blob[-90] ^= 1
    found = outcome(
        altered(attempt, hidden={**attempt.everybody.hidden, "s04": bytes(blob)}),
        START,
        recipe("median"),
    )
    assert found.refused == {2: InconsistentSum("commitments")}


def test_more_bad_groups_than_are_to_be_borne_lead_to_no_model() -> None:
    attempt = attempt_of(updates_of(NAMES, SIZE), NAMES, NAMES, checked=True)
    points = {
        **attempt.everybody.points,
        "s00": attempt.everybody.points["s01"],
        "s02": attempt.everybody.points["s01"],
    }
    found = outcome(altered(attempt, points=points), START, recipe("median", 1))
    assert found.model is None
    assert sorted(found.refused) == [1, 3]


def test_forged_shares_cost_their_own_group_alone() -> None:
    attempt = attempt_of(updates_of(NAMES, SIZE), NAMES, NAMES, threshold=4)
    posted: Posted = {
        **attempt.everybody.posted, "s02": dict.fromkeys(attempt.everybody.posted["s02"], bytes(32))
    }  # fmt: skip
    found = outcome(altered(attempt, posted=posted), START, recipe("median"))
    assert isinstance(found.refused[3], SumFailure)
    assert list(found.refused) == [3]
    assert found.model is not None


def test_everybody_without_groups_is_checked_against_commitments_too() -> None:
    updates = updates_of(["s00", "s03", "s06", "s09"], SIZE)
    attempt = attempt_of(updates, list(updates), list(updates), checked=True)
    inside = agreement_within(attempt.everybody.agreement, GROUPS, 1)
    one_group = replace(altered(attempt, agreement=inside), groups={})
    assert outcome(one_group, START, recipe("fedavg", 0)).model is not None
    points = {**attempt.everybody.points, "s00": attempt.everybody.points["s03"]}
    found = outcome(altered(one_group, points=points), START, recipe("fedavg", 0))
    assert (found.model, found.refused) == (None, {0: InconsistentSum("commitments")})


def test_a_rule_that_lost_its_preconditions_makes_no_model() -> None:
    left = [name for name in NAMES if GROUPS[name] == 1]
    attempt = attempt_of(updates_of(left, SIZE), NAMES, left)
    going_on = {name: one for name, one in GROUPS.items() if one == 1}
    with pytest.raises(RunError):
        outcome(replace(attempt, groups=going_on), START, recipe())
