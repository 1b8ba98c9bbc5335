"""A dealt key: t points give it, fewer say nothing of it, and a cheating dealer is found out."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest

from collegium.errors import FormatError
from collegium.mechanisms.threshold_he.key_shares import (
    CHECKS,
    Key,
    KeyDeal,
    combine,
    decode_key_deal,
    decode_points,
    decode_share,
    encode_key_deal,
    encode_share,
    interpolate,
    lies_on,
    share_points,
)
from collegium.mechanisms.threshold_he.ntt import UInt64
from collegium.mechanisms.threshold_he.rlwe import Parameters, uniform

SMALL = Parameters(8, (97, 193))
WIDTH = SMALL.degree + CHECKS


def key_of(name: str) -> Key:
    seed = sha256(name.encode()).digest()
    return [uniform(seed, SMALL.degree, prime) for prime in SMALL.primes]


def dealt(threshold: int, holders: int, name: str = "ada") -> tuple[list[Key], KeyDeal]:
    """Each holder's points, and the deal; the ciphertexts are the points themselves."""
    seed = sha256(f"seed of {name}".encode()).digest()
    points, polynomials = share_points(key_of(name), seed, threshold, holders, SMALL)
    commitments = tuple(sha256(point).digest() for point in points)
    deal = KeyDeal(commitments, combine(polynomials, commitments, SMALL), tuple(points))
    read = [decode_points(point, SMALL, WIDTH) for point in points]
    return [point for point in read if point is not None], deal


def test_any_threshold_of_points_gives_the_key_and_one_fewer_does_not() -> None:
    points, _ = dealt(3, 5)
    key = key_of("ada")
    for size, gives in ((3, True), (4, True), (2, False)):
        for chosen in combinations(range(5), size):
            some = {number + 1: [row[:8] for row in points[number]] for number in chosen}
            found = interpolate(some, 0, SMALL)
            equal = all((one == two).all() for one, two in zip(found, key, strict=True))
            assert equal == gives


def biased(drop: int) -> bool:
    """Whether the first holder's point tells the key 0 from a uniform one, for a threshold of 2."""
    seen = []
    for draw in range(300):
        seed = sha256(f"{draw}".encode()).digest()
        zero: list[UInt64] = [np.zeros(SMALL.degree, np.uint64) for _ in SMALL.primes]
        _, polynomials = share_points(zero, seed, 2, 3, SMALL)
        coefficients = polynomials[1][: 2 - drop, : SMALL.degree]
        seen.append(coefficients.sum(axis=0) % np.uint64(193))
    values = np.concatenate(seen).astype(np.float64)
    return bool(abs(values.mean() - 96) > 5 * 193 / 12**0.5 / values.size**0.5)


def test_fewer_than_the_threshold_see_noise_and_a_leaking_mutant_is_caught() -> None:
    assert not biased(drop=0)
    assert biased(drop=1)


def test_every_honest_point_lies_on_the_dealers_polynomials() -> None:
    points, deal = dealt(3, 5)
    assert all(lies_on(deal, number, point, SMALL) for number, point in enumerate(points, 1))
    assert not lies_on(deal, 1, points[1], SMALL)


@pytest.mark.parametrize("place", [0, 7, 8, WIDTH - 1])
def test_a_point_beside_the_polynomials_is_found_in_every_coordinate(place: int) -> None:
    points, deal = dealt(3, 5)
    point = [row.copy() for row in points[2]]
    point[0][place] = (point[0][place] + np.uint64(1)) % np.uint64(97)
    assert not lies_on(deal, 3, point, SMALL)


def test_a_deal_of_another_degree_is_found_by_holders() -> None:
    """A dealer of four coefficients where three are asked for leaves out the last in its proof."""
    points, deal = dealt(4, 6)
    short = replace(deal, combined=[rows[:, :3] for rows in deal.combined])
    found = [lies_on(short, number, point, SMALL) for number, point in enumerate(points, 1)]
    assert not any(found)


def test_deals_and_shares_come_back_and_other_forms_are_refused() -> None:
    points, deal = dealt(3, 5)
    blob = encode_key_deal(deal)
    back = decode_key_deal(blob, 5, 3, SMALL)
    assert encode_key_deal(back) == blob
    assert lies_on(back, 4, points[3], SMALL)
    for other in (blob[:-1], blob + b"\0", b"", b"x" + blob[1:]):
        with pytest.raises(FormatError):
            decode_key_deal(other, 5, 3, SMALL)
    for holders, threshold in ((4, 3), (5, 2)):
        with pytest.raises(FormatError):
            decode_key_deal(blob, holders, threshold, SMALL)
    share = encode_share(key_of("ada"))
    found = decode_share(share, SMALL)
    assert found is not None
    assert encode_share(found) == share
    for other in (share[:-1], share + b"\0", b"y" + share[1:], share[:-4] + b"\xff" * 4):
        assert decode_share(other, SMALL) is None


def test_combinations_that_are_no_residues_are_refused() -> None:
    _, deal = dealt(3, 5)
    head = len(encode_key_deal(deal)) - sum(map(len, deal.ciphertexts)) - 4
    blob = bytearray(encode_key_deal(deal))
    blob[head : head + 4] = b"\xff" * 4
    with pytest.raises(FormatError):
        decode_key_deal(bytes(blob), 5, 3, SMALL)
