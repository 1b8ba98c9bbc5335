"""Weighted sums and mixtures are exact through every width of arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.errors import RunError
from collegium.learning.aggregation._internal import weighing
from collegium.learning.aggregation._internal.integers import integers
from collegium.learning.aggregation._internal.weighing import MixingMatrix, weighted_total

VALUES = np.random.default_rng(0).integers(-32767, 32768, (6, 5000)).astype(np.int16)
VALUES[:, 0] = 32767
VALUES[:, 1] = -32767


@pytest.mark.parametrize("bits", [1, 8, 9, 20, 37, 38, 43])
def test_a_weighted_sum_is_exact(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "_BLOCK_VALUES", 1)
    weights = [2**bits, 0, 2**bits - 1, 1, -(2**bits) + 3, 7]
    expected = sum(w * row.astype(object) for w, row in zip(weights, VALUES, strict=True))
    assert weighted_total(VALUES, weights).tolist() == expected.tolist()


def test_common_divisors_and_nothing_at_all() -> None:
    assert weighted_total(VALUES, [0] * 6).tolist() == [0] * 5000
    weights = [3 * 2**44, 0, 0, 0, 0, 0]
    assert weighted_total(VALUES, weights)[0] == 3 * 2**44 * 32767


def test_a_sum_without_room_is_refused() -> None:
    with pytest.raises(RunError, match="cannot be aggregated"):
        weighted_total(VALUES, [2**47, 2**33, 0, 0, 0, 0])
    with pytest.raises(RunError):
        MixingMatrix(integers([[2**47, 2**33]]))


@pytest.mark.parametrize(("bits", "kind"), [(7, "int32"), (9, "int32"), (15, "int64"),
                                            (37, "int64"), (43, "int64")])  # fmt: skip
def test_a_mixture_is_exact(bits: int, kind: str) -> None:
    draw = np.random.default_rng(bits).integers(-(2**bits), 2**bits, (4, 6))
    matrix = integers(draw)
    mixture = MixingMatrix(matrix)
    found = mixture.of(VALUES)
    assert found.dtype == kind
    assert found.tolist() == (matrix @ VALUES.astype(object)).tolist()
    assert mixture.reach == 32767 * max(sum(map(abs, row)) for row in matrix.tolist())
