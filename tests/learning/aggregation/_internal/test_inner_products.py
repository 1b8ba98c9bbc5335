"""Inner products are made in blocks that do not round, by products that BLAS does not share out."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.learning.aggregation._internal import inner_products as module
from collegium.learning.aggregation._internal.pieces import ONE_THREAD


def test_a_block_as_wide_as_allowed_does_not_round() -> None:
    assert 32767**2 * module.MOST_COLUMNS < 2**53
    assert all(module.block_width(count) <= module.MOST_COLUMNS for count in range(1, 3000))


@pytest.mark.parametrize("count", [2, 31, 32, 50, 300, 1000])
def test_no_product_is_large_enough_for_threads(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    matmul = np.matmul

    def seen(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> np.ndarray:
        nonlocal largest
        largest = max(largest, left.shape[-2] * left.shape[-1] * right.shape[-1])
        return matmul(left, right, out=out)

    monkeypatch.setattr(np, "matmul", seen)
    module.inner_products(np.ones((count, 5000), np.int16))
    assert largest <= ONE_THREAD
    assert largest > 0 or count < 32  # few are multiplied as they lie
