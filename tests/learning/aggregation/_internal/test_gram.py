"""Inner products of updates are exact, block by block."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.learning.aggregation._internal import inner_products as module
from collegium.learning.aggregation._internal.gram import (
    centered,
    gram_matrix,
    squared_distances,
)


@pytest.mark.parametrize("columns", [1, 999, 3000, 9000])
@pytest.mark.parametrize("count", [1, 3, 31, 32, 64, 100])
def test_it_is_exact_at_full_range(
    count: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW_VALUES", 1)  # blocks of 1024 columns
    monkeypatch.setattr(module, "_BLOCK_TILES", 1)
    values = np.random.default_rng(0).integers(-32767, 32768, (count, columns)).astype(np.int16)
    values[0] = 32767
    wide = values.astype(np.int64)
    assert gram_matrix(values).tolist() == (wide @ wide.T).tolist()


def test_distances_and_deviations_follow() -> None:
    values = np.random.default_rng(1).integers(-9, 10, (5, 7)).astype(np.int16)
    gram = gram_matrix(values)
    wide = values.astype(int)
    apart = ((wide[:, None] - wide[None, :]) ** 2).sum(axis=2)
    assert squared_distances(gram).tolist() == apart.tolist()
    deviations = 5 * wide - wide.sum(axis=0)
    assert centered(gram).tolist() == (deviations @ deviations.T).tolist()
