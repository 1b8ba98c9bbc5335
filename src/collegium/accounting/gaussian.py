"""Rényi divergence of the Gaussian mechanism, of a whole table or of a Poisson sample of it.

I. Mironov, K. Talwar and L. Zhang, "Rényi Differential Privacy of the Sampled Gaussian
Mechanism", arXiv 1908.10530, 2019: section 3.3 for integer orders. Adding or removing one unit
changes the sum by at most the clipping norm C; the noise has standard deviation z C.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from collegium.accounting.orders import ORDERS, exactly


@lru_cache(maxsize=64)
def gaussian_rdp(noise_multiplier: Decimal, sampling_rate: Decimal) -> tuple[Decimal, ...]:
    """Return the divergence of one release at each of `ORDERS`.

    Args:
        noise_multiplier: z, above 0.
        sampling_rate: q, above 0 and at most 1: each unit is in a sample independently.
    """
    with exactly():
        variance = noise_multiplier * noise_multiplier
        if sampling_rate == 1:
            return tuple(order / (2 * variance) for order in ORDERS)
        moments = _Moments(variance, sampling_rate)
        return tuple(moments.at(order) / (order - 1) for order in ORDERS)


class _Moments:
    """Logarithms of moments E[(P / Q)^a], where P is the sampled mixture and Q is noise alone."""

    def __init__(self, variance: Decimal, rate: Decimal) -> None:
        largest = int(ORDERS[-1])
        # Sum over k of C(a, k) (1 - q)^(a - k) q^k exp(k (k - 1) / (2 z^2)), with (1 - q)^a apart.
        odds = rate / (1 - rate)
        self._terms = [Decimal(1)]
        power = Decimal(1)
        for k in range(1, largest + 1):
            power *= odds
            self._terms.append(power * (Decimal(k * (k - 1)) / (2 * variance)).exp())
        self._kept = (1 - rate).ln()
        self._known: dict[int, Decimal] = {1: Decimal(0)}

    def at(self, order: Decimal) -> Decimal:
        """Return the log moment; between integers the chord, as a log moment is convex in a."""
        below = int(order)
        lower = self._integer(below)
        if order == below:
            return lower
        return lower + (order - below) * (self._integer(below + 1) - lower)

    def _integer(self, order: int) -> Decimal:
        if order not in self._known:
            total, ways = Decimal(0), 1
            for k in range(order + 1):
                total += ways * self._terms[k]
                ways = ways * (order - k) // (k + 1)
            self._known[order] = total.ln() + order * self._kept
        return self._known[order]
