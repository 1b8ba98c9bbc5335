"""Inner products are made in blocks that do not round, by products that BLAS does not share out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collegium.learning.aggregation._internal import inner_products as module
from collegium.learning.aggregation._internal.pieces import ONE_THREAD


@pytest.mark.parametrize("count", [2, 31, 32, 50, 300, 1000])
def test_no_product_is_large_enough_for_threads(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    matmul = np.matmul

    def seen(left: Any, right: Any, out: Any) -> Any:
        nonlocal largest
        largest = max(largest, left.shape[-2] * left.shape[-1] * right.shape[-1])
        return matmul(left, right, out=out)

    monkeypatch.setattr(np, "matmul", seen)
    module.inner_products(np.ones((count, 5000), np.int16))
    assert largest <= ONE_THREAD
    assert largest > 0 or count < 32  # few are multiplied as they lie


@pytest.mark.parametrize("count", [1, 31, 32, 50, 1000])
def test_no_block_is_wide_enough_to_round(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []

    def seen(columns: int, width: int, work: object) -> list[object]:
        widths.append(width)
        return []

    monkeypatch.setattr(module, "each_block", seen)
    module.inner_products(np.ones((count, 3000), np.int16))
    (width,) = widths
    assert 32767**2 * width < 2**53
