"""The transform is evaluation at the odd powers of a root, and products of values are products."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.mechanisms.threshold_he.ntt import root_of_unity, to_polynomials, to_values
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS


def turned(index: int, bits: int) -> int:
    return int(f"{index:0{bits}b}"[::-1], 2)


@pytest.mark.parametrize(("size", "prime"), [(8, 97), (16, 193), (4, 134176769)])
def test_values_are_those_at_the_odd_powers_of_the_root(size: int, prime: int) -> None:
    root, bits = root_of_unity(prime, size), size.bit_length() - 1
    assert pow(root, size, prime) == prime - 1
    rows = np.random.default_rng(size).integers(0, prime, (size, 3)).astype(np.uint64)
    values = to_values(rows, prime)
    for place in range(size):
        point = pow(root, 2 * turned(place, bits) + 1, prime)
        for column in range(3):
            powers = (int(rows[c, column]) * pow(point, c, prime) for c in range(size))
            assert values[place, column] == sum(powers) % prime
    assert (to_polynomials(values, prime) == rows).all()


@pytest.mark.parametrize("ring", [32, 64])
def test_every_prime_in_use_transforms_there_and_back_at_its_limits(ring: int) -> None:
    parameters = PARAMETERS[ring]
    for prime in parameters.primes:
        rows = np.random.default_rng(1).integers(0, prime, (parameters.degree, 4))
        rows[:, 0], rows[:, 1] = prime - 1, 0
        polynomials = rows.astype(np.uint64)
        assert (to_polynomials(to_values(polynomials, prime), prime) == polynomials).all()


def test_products_of_values_are_products_modulo_x_to_the_n_plus_one() -> None:
    size, prime = 16, 193
    generator = np.random.default_rng(2)
    one, two = generator.integers(0, prime, (2, size, 1)).astype(np.uint64)
    found = to_polynomials(to_values(one, prime) * to_values(two, prime) % np.uint64(prime), prime)
    expected = [0] * size
    for first in range(size):
        for second in range(size):
            sign = 1 if first + second < size else -1
            expected[(first + second) % size] += sign * int(one[first, 0]) * int(two[second, 0])
    assert found[:, 0].tolist() == [value % prime for value in expected]
