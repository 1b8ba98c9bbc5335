"""Quorums of weights, against every set of validators."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.consensus.protocols.pbft import PBFT
from collegium.consensus.quorums import BYZANTINE, CRASH, quorums

WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=7)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10, 31, 100])
def test_equal_weights_bear_what_protocols_say(count: int) -> None:
    assert quorums((1,) * count).tolerated == PBFT.tolerated((1,) * count) == (count - 1) // 3
    assert quorums((1,) * count, CRASH).tolerated == (count - 1) // 2


@given(WEIGHTS, st.sampled_from([BYZANTINE, CRASH]))
def test_weights_come_to_what_trying_every_set_finds(weights: list[int], part: Fraction) -> None:
    found, total, n = quorums(weights, part), sum(weights), len(weights)

    def least(so: int) -> int:
        return min(k for k in range(n + 1) for one in combinations(weights, k) if sum(one) >= so)

    sums = [sum(one) for k in range(n + 1) for one in combinations(weights, k)]
    quorate = [one for one in sums if one > part * total]
    assert found.total == total
    assert found.needed > part * total >= found.needed - 1
    assert found.fewest == least(min(quorate))
    stopping = min(one for one in sums if not (total - one) > part * total)
    assert found.stop == least(stopping)
    for gone in combinations(weights, found.tolerated):
        assert total - sum(gone) > part * total
