"""Networks bring every column into order, as far as is asked, and no further."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import product

import numpy as np
import pytest

from collegium.learning.aggregation._internal.networks import arrange, network


def columns_of_zeros_and_ones(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """Every column of zeros and ones: a network that orders these orders everything."""
    if count <= 12:
        return np.array(list(product((0, 1), repeat=count)), np.int16).T.copy()
    return np.random.default_rng(count).integers(0, 2, (count, 5000)).astype(np.int16)


def written(labels: tuple[Hashable | None, ...]) -> int:
    """How many rows the steps write in all."""
    return sum(low + high for _, _, low, high in network(labels))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11, 12, 31, 50, 100])
def test_it_sorts(count: int) -> None:
    block = columns_of_zeros_and_ones(count)
    expected = np.sort(block, axis=0)
    rows = arrange(block.copy(), network(tuple(range(count))))
    assert (np.array(rows) == expected).all()


@pytest.mark.parametrize("count", [1, 2, 5, 9, 12, 40])
@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
def test_every_single_rank_comes_into_its_place(count: int, kind: type[np.int16]) -> None:
    block = columns_of_zeros_and_ones(count).astype(kind)
    expected = np.sort(block, axis=0)
    for wanted in range(count):
        steps = network(tuple("it" if rank == wanted else None for rank in range(count)))
        assert (arrange(block.copy(), steps)[wanted] == expected[wanted]).all()


@pytest.mark.parametrize(("count", "cut"), [(3, 1), (10, 2), (11, 5), (12, 3), (50, 10)])
def test_ranks_of_one_label_come_in_any_order(count: int, cut: int) -> None:
    labels: tuple[Hashable | None, ...] = tuple(
        "kept" if cut <= rank < count - cut else None for rank in range(count)
    )
    block = columns_of_zeros_and_ones(count)
    expected = np.sort(block, axis=0)[cut : count - cut].sum(axis=0)
    rows = arrange(block.copy(), network(labels))
    assert (np.array(rows[cut : count - cut]).sum(axis=0) == expected).all()
    assert written(labels) < written(tuple(range(count)))


def test_nothing_that_is_not_needed_is_done() -> None:
    assert network((None,) * 20) == ()
    assert network(("all",) * 20) == ()
    median = network(tuple("middle" if rank in (24, 25) else None for rank in range(50)))
    assert len(median) < 0.85 * len(network(tuple(range(50))))
    assert any(not (low and high) for _, _, low, high in median)
