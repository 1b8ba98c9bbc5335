"""Kendall's W: the same order, none, and ties."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.learning.evaluation.kendall_w import concordance_of_orders


def test_one_order_everywhere_is_one_and_opposite_orders_are_none() -> None:
    assert concordance_of_orders(np.array([[1.0, 2, 3], [10, 20, 30]])) == pytest.approx(1)
    assert concordance_of_orders(np.array([[1.0, 2, 3], [3, 2, 1]])) == pytest.approx(0)


def test_it_is_the_mean_spearman_correlation_rescaled() -> None:
    """For k judges without ties: mean rank correlation = (k W - 1) / (k - 1)."""
    values = np.random.default_rng(4).random((5, 8))
    ranks = values.argsort(axis=1).argsort(axis=1)
    pairs = np.asarray(np.corrcoef(ranks))[np.triu_indices(5, 1)].mean()
    found = concordance_of_orders(values)
    assert found is not None
    assert (5 * found - 1) / 4 == pytest.approx(pairs)


def test_ties_are_corrected_for() -> None:
    """Two judges who tie the same pair agree completely."""
    assert concordance_of_orders(np.array([[1.0, 1, 2, 3], [5, 5, 6, 7]])) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 5), (4, 1)])
def test_one_judge_or_thing_has_no_agreement(shape: tuple[int, int]) -> None:
    assert concordance_of_orders(np.arange(np.prod(shape), dtype=float).reshape(shape)) is None


def test_judges_to_whom_all_is_equal_have_none() -> None:
    assert concordance_of_orders(np.zeros((3, 4))) is None
