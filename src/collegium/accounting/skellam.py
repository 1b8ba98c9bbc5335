"""Rényi divergence of integers with Skellam noise: the difference of two Poisson numbers.

N. Agarwal, P. Kairouz and Z. Liu, "The Skellam Mechanism for Differentially Private Federated
Learning", NeurIPS 2021 (arXiv 2110.04995), theorem 3.5: at an integer order a, with noise of
variance m and sensitivities D1 and D2 in the two norms, the divergence is at most
a D2² / (2 m) + min(((2 a - 1) D2² + 6 D1) / (4 m²), 3 D1 / (2 m)). For integers D1 <= D2².
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from collegium.accounting.orders import ORDERS, exactly


@lru_cache(maxsize=64)
def skellam_rdp(noise_multiplier: Decimal, sensitivity: int) -> tuple[Decimal, ...]:
    """Return the divergence of one release at each of `ORDERS`.

    Args:
        noise_multiplier: z; the noise has standard deviation z times the sensitivity.
        sensitivity: the Euclidean distance that a unit can move the integers by, at least.
    """
    with exactly():
        square = Decimal(sensitivity * sensitivity)
        variance = noise_multiplier * noise_multiplier * square

        def moment(order: int) -> Decimal:
            if order == 1:
                return Decimal(0)
            more = min(
                ((2 * order - 1) * square + 6 * square) / (4 * variance * variance),
                3 * square / (2 * variance),
            )
            return (order - 1) * (order * square / (2 * variance) + more)

        found = []
        for order in ORDERS:
            below = int(order)
            chord = moment(below) + (order - below) * (moment(below + 1) - moment(below))
            found.append(chord / (order - 1))
        return tuple(found)
