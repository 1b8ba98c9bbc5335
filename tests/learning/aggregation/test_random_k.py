"""Random-k: a public draw of coordinates, and sums that are put back and scaled in integers."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.learning.aggregation.random_k import SentCoordinates, draw_places, picked, whole
from collegium.learning.aggregation.rule import Aggregate
from collegium.study.compression import sent_coordinates


def lots(seed: bytes, count: int) -> list[int]:
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(8 * count))
    return [int.from_bytes(stream[at : at + 8], "little") for at in range(0, len(stream), 8)]


@given(st.binary(min_size=32, max_size=32), st.integers(1, 200), st.data())
def test_the_places_with_the_lowest_lots_are_sent(
    seed: bytes, parameters: int, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, parameters))
    drawn = lots(seed, parameters)
    lowest = sorted(sorted(range(parameters), key=lambda place: (drawn[place], place))[:kept])
    assert draw_places(seed, parameters, kept).tolist() == lowest


def test_every_place_is_drawn_as_often_as_any_other() -> None:
    counts = np.zeros(50)
    for number in range(4000):
        counts[draw_places(sha256(b"%d" % number).digest(), 50, 10)] += 1
    assert np.abs(counts - 800).max() < 5 * (4000 * 0.2 * 0.8) ** 0.5


@given(st.integers(2, 60), st.data())
def test_a_scaled_mean_is_right_on_average_and_in_fractions(
    parameters: int, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, parameters - 1))
    places = draw_places(bytes(32), parameters, kept)
    total = np.array(data.draw(st.lists(
        st.integers(-(2**40), 2**40), min_size=kept, max_size=kept
    )), np.int64)  # fmt: skip
    found = whole(Aggregate(total, 12), SentCoordinates(places, parameters, scaled=True))
    for place, value in zip(places, total.tolist(), strict=True):
        assert Fraction(int(found.total[place]), found.denominator) == Fraction(
            value * parameters, 12 * kept
        )
    assert np.count_nonzero(found.total) <= kept
    plain = whole(Aggregate(total, 12), SentCoordinates(places, parameters, scaled=False))
    assert plain.denominator == 12
    assert (plain.total[places] == total).all()


def test_what_has_no_place_in_64_bits_is_no_aggregate() -> None:
    drawn = SentCoordinates(np.array([0]), 3, scaled=True)
    with pytest.raises(RunError) as caught:
        whole(Aggregate(np.array([2**62]), 1), drawn)
    assert caught.value.code == "aggregation.overflow"


def test_updates_that_are_sent_whole_stay_as_they_are() -> None:
    values = np.array([3, 1, 2], np.int16)
    aggregate = Aggregate(values.astype(np.int64), 1)
    assert picked(values, None) is values
    assert whole(aggregate, None) is aggregate
    assert picked(values, SentCoordinates(np.array([0, 2]), 3, scaled=True)).tolist() == [3, 2]


@pytest.mark.parametrize(
    ("parameters", "keep", "sent"),
    [(1000, 100_000, 100), (1001, 100_000, 101), (3, 1, 1), (10, 999_999, 10)],
)
def test_a_share_of_coordinates_is_rounded_up(parameters: int, keep: int, sent: int) -> None:
    assert sent_coordinates(parameters, keep) == sent
