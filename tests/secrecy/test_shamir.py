"""t shares give the secret, t - 1 give nothing."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.secrecy import shamir
from collegium.secrecy.shamir import PRIME, combine, from_element, split, to_element

ELEMENTS = st.integers(0, PRIME - 1)


@given(secret=ELEMENTS, data=st.data(), holders=st.integers(1, 9))
def test_any_threshold_many_shares_give_the_secret(
    secret: int, data: st.DataObject, holders: int
) -> None:
    threshold = data.draw(st.integers(1, holders))
    coefficients = data.draw(st.lists(ELEMENTS, min_size=threshold - 1, max_size=threshold - 1))
    shares = split(secret, coefficients, holders)
    chosen = data.draw(st.permutations(range(1, holders + 1)))[:threshold]
    assert combine(tuple(chosen), [shares[holder - 1] for holder in chosen]) == secret


def test_an_element_has_one_form() -> None:
    assert to_element(from_element(PRIME - 1)) == PRIME - 1
    assert to_element(from_element(0)) == 0
    assert to_element(PRIME.to_bytes(32, "little")) is None
    assert to_element(bytes(31)) is None


def leaks(threshold: int, holders: int, prime: int) -> bool:
    """Whether t - 1 shares tell secrets of a small field apart, by a chi-squared test each.

    Every coefficient is drawn, so over all draws any t - 1 shares are as likely for one secret as
    for another. 5 standard deviations beyond the mean make a false alarm about one in 10^6.
    """
    generator = random.Random(1)
    for chosen in combinations(range(holders), threshold - 1):
        counts = [Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()]
        for secret, count in zip((1, prime - 2), counts, strict=True):
            for _ in range(3000):
                drawn = [generator.randrange(prime) for _ in range(threshold - 1)]
                shares = split(secret, drawn, holders)
                count[tuple(shares[index] for index in chosen)] += 1
        cells = sorted(counts[0] | counts[1])
        statistic = sum(
            (counts[0][cell] - counts[1][cell]) ** 2 / (counts[0][cell] + counts[1][cell])
            for cell in cells
        )
        freedom = len(cells) - 1
        if statistic > freedom + 5 * (2 * freedom) ** 0.5:
            return True
    return False


def test_threshold_minus_one_colluders_learn_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shamir, "PRIME", 13)
    assert not leaks(3, 4, 13)


def test_a_sharing_of_too_low_a_degree_is_seen_to_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shamir, "PRIME", 13)
    right = shamir.split
    monkeypatch.setitem(
        globals(), "split", lambda secret, drawn, holders: right(secret, drawn[:-1], holders)
    )
    assert leaks(3, 4, 13)
