"""Skellam noise: its published bound lies above the exact divergence, and near the normal one."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.accounting.gaussian import gaussian_rdp
from collegium.accounting.orders import ORDERS
from collegium.accounting.skellam import skellam_rdp


def skellam_chances(variance: float, reach: int) -> NDArray[np.float64]:
    """The chances of -reach .. reach, by convolving two Poisson distributions."""
    mean = variance / 2
    counts = np.arange(0, int(mean + 40 * np.sqrt(mean) + 60))
    logs = counts * np.log(mean) - mean - np.concatenate([[0], np.cumsum(np.log(counts[1:]))])
    one = np.exp(logs)
    whole = np.convolve(one, one[::-1])
    middle = len(one) - 1
    chances: NDArray[np.float64] = whole[middle - reach : middle + reach + 1]
    return chances


@pytest.mark.parametrize(("z", "sensitivity"), [(1.0, 4), (2.0, 4), (4.0, 2), (1.5, 20)])
def test_the_bound_lies_above_the_exact_divergence_of_shifted_noise(
    z: float, sensitivity: int
) -> None:
    variance = (z * sensitivity) ** 2
    reach = int(12 * np.sqrt(variance)) + 3 * sensitivity
    here = skellam_chances(variance, reach)
    there = skellam_chances(variance, reach + sensitivity)[: len(here)]
    bound = skellam_rdp(Decimal(str(z)), sensitivity)
    for order, told in zip(ORDERS, bound, strict=True):
        if order > 6:
            break
        a = float(order)
        exact = np.log((there**a * here ** (1 - a)).sum()) / (a - 1)
        assert exact <= float(told) * (1 + 1e-6)


def test_with_many_steps_to_the_clip_it_costs_what_normal_noise_does() -> None:
    z = Decimal(2)
    for normal, skellam, order in zip(
        gaussian_rdp(z, Decimal(1)), skellam_rdp(z, 64), ORDERS, strict=True
    ):
        assert normal <= skellam
        if order == int(order) and order < 64:
            assert float(skellam) == pytest.approx(float(normal), rel=0.002)
