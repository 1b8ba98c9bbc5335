"""Commitments add up as vectors do, bind to them, and tell nothing; made again by a stranger."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.ledger.vectors import VECTORS

from collegium.ledger.keys import usable_key
from collegium.mechanisms.sum_check.pedersen import (
    IDENTITY,
    LIMBS,
    ORDER,
    blinding_limbs,
    blinding_of,
    commitment,
    product,
)

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def vectors(ring: int, members: int) -> st.SearchStrategy[list[list[int]]]:
    most = 2 ** (ring - 1) // members - 1
    one = st.lists(st.integers(-most, most), min_size=9, max_size=9)
    return st.lists(one, min_size=members, max_size=members)


@pytest.mark.parametrize("ring", [32, 64])
@given(data=st.data(), blinds=st.lists(st.integers(0, ORDER - 1), min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_commitments_add_up_as_vectors(ring: int, data: st.DataObject, blinds: list[int]) -> None:
    values = np.array(data.draw(vectors(ring, 3)), np.int64)
    made = [commitment(row, ring, blind) for row, blind in zip(values, blinds, strict=True)]
    whole = commitment(values.sum(0), ring, sum(blinds) % ORDER)
    assert product(made) == whole
    other = values.sum(0)
    other[data.draw(st.integers(0, 8))] ^= 1
    assert commitment(other, ring, sum(blinds) % ORDER) != whole


def test_a_carry_between_coordinates_is_no_way_to_another_vector() -> None:
    """One less here and the ring's width more there is the same packed number only out of range."""
    one = np.array([2**31 - 1, 0], np.int64)
    assert commitment(one, 32, 5) != commitment(np.array([-(2**31) + 1, 1]), 32, 5)
    packed_alike = np.array([2**31 - 1 - 2**32, 1], np.int64)
    assert commitment(one, 32, 5) == commitment(packed_alike, 32, 5)
    assert packed_alike.min() < -(2**31)


def test_a_commitment_is_a_point_of_prime_order_and_depends_on_its_blinding() -> None:
    zeros = np.zeros(12, np.int64)
    first, second = commitment(zeros, 32, 1), commitment(zeros, 32, 2)
    assert usable_key(first)
    assert first != second
    assert commitment(zeros, 32, 0) == IDENTITY
    assert not usable_key(IDENTITY)


@given(blinds=st.lists(st.integers(0, ORDER - 1), min_size=1, max_size=6))
def test_blindings_add_up_in_limbs_without_a_carry(blinds: list[int]) -> None:
    limbs = np.sum([blinding_limbs(one).astype(np.int64) for one in blinds], axis=0)
    assert blinding_of(limbs, len(blinds)) == sum(blinds) % ORDER
    assert limbs.max() < 2**31
    limbs[0] = -1
    assert blinding_of(limbs, len(blinds)) is None
    limbs[0] = 0x10000 * len(blinds)
    assert blinding_of(limbs, len(blinds)) is None


def test_250_members_leave_room_for_limbs_in_the_smaller_ring() -> None:
    assert 250 * 0xFFFF < 2**31


def add(first: Point, second: Point) -> Point:
    """The complete addition of edwards25519 (RFC 8032), affine."""
    (x1, y1), (x2, y2) = first, second
    shared = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + shared, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - shared, -1, P) % P
    return x, y


def times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def decoded(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (P - x if x & 1 != sign else x), y


def encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def generator(number: int) -> Point:
    for attempt in range(100):
        told = b"collegium/pedersen-generator/v1\0"
        told += number.to_bytes(8, "big") + attempt.to_bytes(8, "big")
        point = decoded(sha256(told).digest())
        if point is not None:
            return times(8, point)
    raise AssertionError(number)


@pytest.mark.parametrize("case", VECTORS["pedersen"])
def test_a_stranger_makes_the_worked_commitments(case: dict[str, object]) -> None:
    values = case["values"]
    assert isinstance(values, list)
    ring, blinding = int(str(case["ring"])), int(str(case["blinding"]))
    total, room = times(blinding, generator(0)), 251 // ring
    for place, first in enumerate(range(0, len(values), room), 1):
        digits: list[int] = values[first : first + room]
        scalar = sum(digit << ring * at for at, digit in enumerate(digits))
        total = add(total, times(scalar % ORDER, generator(place)))
    assert encoded(total).hex() == case["commitment"]
    vector: NDArray[np.int64] = np.array(values, np.int64)
    assert commitment(vector, ring, blinding).hex() == case["commitment"]
    assert len(blinding_limbs(blinding)) == LIMBS
