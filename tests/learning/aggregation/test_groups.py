"""A group stands for one update: its mean on the encoding's grid, and its norm is exact."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.groups import (
    GroupSum,
    is_within,
    model_of_groups,
    norm_bound,
)
from collegium.learning.aggregation.next_model import server_named
from collegium.learning.blobs import ModelState, TensorSpec
from collegium.learning.client_level_privacy import clipped
from collegium.plugins import names
from collegium.study.document import Server

PLAIN = Server()
NONE = server_named("none@1")


def start_of(size: int) -> ModelState:
    return ModelState((TensorSpec("w", (size,)),), np.zeros(size, np.float32), "none@1", 0, ())


@given(
    values=st.lists(st.integers(-32767, 32767), min_size=1, max_size=5),
    weights=st.lists(st.integers(1, 2**20), min_size=5, max_size=5),
)
def test_a_mean_is_the_nearest_integer_of_the_exact_one(
    values: list[int], weights: list[int]
) -> None:
    pairs = list(zip(values, weights, strict=False))
    total, weight = sum(v * w for v, w in pairs), sum(w for _, w in pairs)
    mean = int(GroupSum(np.array([total]), weight).mean(0)[0])
    assert mean == floor(Fraction(total, weight) + Fraction(1, 2))
    assert -32767 <= mean <= 32767


@pytest.mark.parametrize("scale", [1, 2**40])
def test_norms_are_compared_exactly(scale: int) -> None:
    vector = np.array([3, -4, 0], np.int64) * scale
    assert is_within(vector, 5 * scale)
    assert not is_within(vector, 5 * scale - 1)
    assert not is_within(vector + np.array([0, 0, 1]), 5 * scale)


@given(seed=st.integers(0, 100), members=st.integers(1, 6), bound=st.integers(1, 40_000))
@settings(max_examples=60)
def test_sums_of_clipped_updates_are_never_too_long(seed: int, members: int, bound: int) -> None:
    random = np.random.default_rng(seed)
    updates = random.integers(-32767, 32768, (members, 12), dtype=np.int16)
    weights = random.integers(1, 2**16, members)
    sums = sum(
        int(weight) * clipped(update, bound).astype(np.int64)
        for weight, update in zip(weights, updates, strict=True)
    )
    assert is_within(np.asarray(sums), bound * int(weights.sum()))


def test_a_bound_follows_the_encoding() -> None:
    assert norm_bound(1.5, 12) == 6144
    assert norm_bound(0.001, 2) == 1


@pytest.mark.parametrize(
    "rule", [name for name in names("rules") if rule_called(name).kind == "recomputed"]
    + ["nnm+trimmed_mean", "bucketing+median", "arc+nnm+krum", "norm_clipping+geometric_median"],
)  # fmt: skip
def test_every_rule_reduces_groups_of_which_all_bad_ones_are_known(rule: str) -> None:
    """With f bad groups left out, a rule goes on with none to bear among the others."""
    if rule.startswith("their"):
        pytest.skip("a test's own rule")
    random = np.random.default_rng(3)
    sums = {
        number: GroupSum(random.integers(-9000, 9000, 8) * 5, 5) for number in (1, 2, 4, 5, 6, 7)
    }
    model = model_of_groups(start_of(8), sums, 12, rule_called(rule), 0, NONE, PLAIN)
    assert model.parameters.any()


def test_a_rule_with_too_few_groups_makes_no_model() -> None:
    sums = {1: GroupSum(np.ones(3, np.int64), 1), 2: GroupSum(np.ones(3, np.int64), 1)}
    with pytest.raises(RunError):
        model_of_groups(start_of(3), sums, 12, rule_called("trimmed_mean"), 1, NONE, PLAIN)


def test_one_bad_group_has_no_say_in_a_robust_rule_and_all_in_a_mean() -> None:
    good = {number: GroupSum(np.full(4, 1000 + number), 1) for number in range(4)}
    bad = {**good, 9: GroupSum(np.full(4, -32767), 1)}
    robust = model_of_groups(start_of(4), bad, 12, rule_called("trimmed_mean"), 1, NONE, PLAIN)
    mean = model_of_groups(start_of(4), bad, 12, rule_called("fedavg"), 0, NONE, PLAIN)
    assert robust.parameters.min() * 2**12 > 999
    assert mean.parameters.max() < 0
