"""The accountant's figures: golden ones, other accountants', and what must hold of any."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext, localcontext

import pytest

from collegium.accounting.calibration import least_noise
from collegium.accounting.conversion import (
    added,
    charge_of,
    conversion,
    micro_epsilon,
    times,
)
from collegium.accounting.gaussian import gaussian_rdp
from collegium.accounting.orders import ORDERS
from collegium.accounting.pure import pure_rdp

D = Decimal


def epsilon(q: str, z: str, steps: int, delta: str = "1e-5") -> float:
    charge = charge_of(gaussian_rdp(D(z), D(q)), steps)
    return micro_epsilon(charge, conversion(D(delta))) / 1e6


@pytest.mark.parametrize(
    ("z", "steps", "expected"),
    [
        ("1", 10, 19.1), ("1", 50, 57), ("2", 10, 8.1), ("2", 50, 22), ("4", 10, 3.6),
        ("4", 50, 9.2), ("4", 100, 14.1), ("8", 10, 1.67), ("8", 50, 4.11), ("8", 100, 6.12),
    ],
)  # fmt: skip
def test_the_gaussian_mechanism_costs_what_is_published(
    z: str, steps: int, expected: float
) -> None:
    assert epsilon("1", z, steps) == pytest.approx(expected, rel=0.02)


# The second figure is what Google's dp-accounting 0.6.0 gives by privacy loss distributions.
@pytest.mark.parametrize(
    ("q", "z", "steps", "delta", "expected", "by_distributions"),
    [
        ("0.01", "1", 1000, "1e-5", 2.11, 1.828),
        ("0.01", "0.8", 1000, "1e-5", 3.73, 3.141),
        ("0.1", "1", 200, "1e-4", 9.99, 8.607),
        ("0.1", "2", 200, "1e-4", 3.22, 2.866),
        ("0.05", "1.2", 500, "1e-5", 5.95, 5.398),
        ("0.1", "1.38", 300, "1e-5", 8, 7.149),
        ("0.1", "1.36", 300, "1e-5", 8.15, 7.315),
        ("0.1", "2.21", 300, "1e-5", 4, 3.665),
        ("0.1", "3.89", 300, "1e-5", 2, 1.829),
        ("0.1", "7.14", 300, "1e-5", 1, 0.913),
    ],
)
def test_a_sampled_mechanism_costs_what_is_published_and_no_less_than_a_tight_account(
    q: str, z: str, steps: int, delta: str, expected: float, by_distributions: float
) -> None:
    found = epsilon(q, z, steps, delta)
    assert found == pytest.approx(expected, rel=0.02)
    assert found >= by_distributions


def test_a_moment_is_the_integral_that_defines_it() -> None:
    """Numerically: E over noise alone of the likelihood ratio's power, whole and broken orders."""
    q, z = 0.07, 1.3
    step = 1e-3
    points = [i * step for i in range(-30_000, 60_000)]
    rdp = gaussian_rdp(D(str(z)), D(str(q)))
    for index, order in enumerate(ORDERS):
        if order > 12:
            break
        a = float(order)
        total = 0.0
        for x in points:
            density = math.exp(-x * x / (2 * z * z)) / (z * math.sqrt(2 * math.pi))
            ratio = 1 - q + q * math.exp((2 * x - 1) / (2 * z * z))
            total += density * ratio**a * step
        exact = math.log(total) / (a - 1)
        assert float(rdp[index]) >= exact - 1e-9
        if order == int(order):
            assert float(rdp[index]) == pytest.approx(exact, rel=1e-6)


def test_an_account_does_not_depend_on_the_callers_precision() -> None:
    gaussian_rdp.cache_clear()
    conversion.cache_clear()
    with localcontext() as context:
        context.prec = 6
        coarse = charge_of(gaussian_rdp(D("1.1"), D("0.2")), 7), conversion(D("1e-6"))
    gaussian_rdp.cache_clear()
    conversion.cache_clear()
    assert getcontext().prec >= 28
    assert coarse == (charge_of(gaussian_rdp(D("1.1"), D("0.2")), 7), conversion(D("1e-6")))


def test_charges_add_up_and_nothing_costs_nothing() -> None:
    one = charge_of(gaussian_rdp(D(3), D(1)))
    other = charge_of(pure_rdp(D("0.05")))
    assert added(one, other, one) == added(times(one, 2), other)
    assert micro_epsilon((0,) * len(ORDERS), conversion(D("1e-5"))) == 0
    assert micro_epsilon(other, conversion(D("1e-5"))) <= 50_000 * 20


def test_the_least_noise_is_the_least() -> None:
    def spent(z: Decimal) -> int:
        charge = charge_of(gaussian_rdp(z, D("0.1")), 300)
        return micro_epsilon(charge, conversion(D("1e-5")))

    for allowed, published in ((8_000_000, 1.38), (4_000_000, 2.21), (2_000_000, 3.89)):
        found = least_noise(spent, allowed)
        assert found is not None
        assert float(found) == pytest.approx(published, rel=0.02)
        assert spent(found) <= allowed < spent(found - D("0.0001"))
    assert least_noise(spent, 0) is None
