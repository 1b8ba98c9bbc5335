"""A tighter account, told beside the ledger's: the distribution of the privacy loss, convolved.

The losses of one release are put on a grid so that their distribution dominates the true one
(V. Doroshenko, B. Ghazi, P. Kamath, R. Kumar and P. Manurangsi, "Connect the Dots: Tighter Discrete
Approximations of Privacy Loss Distributions", PETS 2022); releases are composed by FFT (A. Koskela,
J. Jälkö and A. Honkela, "Computing Tight Differential Privacy Guarantees Using FFT", AISTATS 2020).
It is floating point, which two machines may round differently, so budgets do not go by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import erfc, exp, inf, log, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import PrivacyTerms

NAME = "pld@1"
"""The name of this account."""

Float64 = NDArray[np.float64]
_Direction = Literal["add", "remove"]

_FINEST = 1e-4
_MOST_POINTS = 2**18
_REACH = 9.0
"""Standard deviations of noise that are looked at; what lies beyond (1e-19) counts as lost."""
_OVERLAP = 1e-14
"""The chance of losses beyond the range of the FFT, which counts as lost too."""


@dataclass(frozen=True, slots=True, eq=False)
class _Losses:
    """Chances of losses on a grid: chance[i] is that of (first + i) * step; lost is that of inf."""

    first: int
    step: float
    chance: Float64
    lost: float


def tight_epsilon(terms: PrivacyTerms, rounds: int, size: float) -> float | None:
    """Return the epsilon of a site's size and an update a round, for some rounds.

    None for noise on whole updates: of Skellam noise in many dimensions only bounds by divergences
    are known.

    Args:
        terms: what the study registered.
        rounds: how many updates there are.
        size: the pure epsilon with which the size was released.
    """
    if not terms.protects.in_training:
        return None
    return composed_epsilon(
        terms.sampling / NANO, terms.noise / MICRO, rounds * terms.steps, terms.delta / 10**15, size
    )


@lru_cache(maxsize=64)
def composed_epsilon(rate: float, noise: float, steps: int, delta: float, pure: float = 0) -> float:
    """Return the epsilon of Poisson-sampled Gaussian steps after a release of a pure epsilon.

    Args:
        rate: q, above 0 and at most 1.
        noise: z, above 0, in units of what one unit adds.
        steps: how many there are.
        delta: the chance with which a unit may lose more.
        pure: epsilon of the other release; 0 for none.
    """
    directions: tuple[_Direction, ...] = ("add", "remove") if rate < 1 else ("remove",)
    return max(_epsilon(_composed(rate, noise, steps, pure, one), delta) for one in directions)


def _composed(rate: float, noise: float, steps: int, pure: float, way: _Direction) -> _Losses:
    step = _FINEST
    reach = _mixed(rate, noise, 1.0 + _REACH * noise) - _mixed(rate, noise, -_REACH * noise)
    step = max(step, 4 * reach / _MOST_POINTS)
    while True:
        one = _gaussian(rate, noise, step, way)
        low, high = _range(one, steps)
        points = high - low + 2 * int(pure / step) + 4
        if points <= _MOST_POINTS:
            break
        step *= max(2.0, points / _MOST_POINTS)
    size = 1 << (points - 1).bit_length()
    spectrum = np.fft.rfft(one.chance, size) ** steps
    other = _pure(pure, step)
    spectrum *= np.fft.rfft(other.chance, size)
    whole = np.fft.irfft(spectrum, size)
    first, begin = steps * one.first + other.first, low + other.first
    chance = np.maximum(np.roll(whole, (first - begin) % size), 0.0)
    lost = 1.0 - (1.0 - one.lost) ** steps + 2 * _OVERLAP
    return _Losses(begin, step, chance, lost)


def _gaussian(rate: float, noise: float, step: float, way: _Direction) -> _Losses:
    """Return the losses of one step: of the sample with the unit against that without it.

    What the unit adds is 1. The loss at x is ln(1 - q + q exp((2 x - 1) / 2 z²)), which grows with
    x; with "add" the roles are exchanged, and the sign.
    """
    low_x, high_x = -_REACH * noise, 1.0 + _REACH * noise
    sign = 1.0 if way == "remove" else -1.0
    ends = sorted(sign * _mixed(rate, noise, x) for x in (low_x, high_x))
    first, last = int(np.floor(ends[0] / step)), int(np.ceil(ends[1] / step))
    edges = np.arange(first, last + 1, dtype=np.float64) * step
    x = _where(rate, noise, sign * edges)
    without = _between(x / noise)
    inside = _between((x - 1.0) / noise)
    mixture = (1.0 - rate) * without + rate * inside
    here, there = (mixture, without) if way == "remove" else (without, mixture)
    if way == "add":  # the cells were walked through from the right
        here, there = np.abs(here), np.abs(there)
    # A cell's two masses go to its ends so that both are kept: then it dominates what was there.
    upper = (here - there * np.exp(edges[:-1])) / -np.expm1(-step)
    upper = np.clip(upper, 0.0, here)
    chance = np.zeros(len(edges))
    chance[1:] += upper
    chance[:-1] += here - upper
    return _Losses(first, step, chance, max(0.0, 1.0 - float(chance.sum())) + 1e-16)


def _mixed(rate: float, noise: float, x: float) -> float:
    power = (2.0 * x - 1.0) / (2.0 * noise * noise)
    if rate == 1.0:
        return power
    return float(np.logaddexp(log(1.0 - rate), log(rate) + power))


def _where(rate: float, noise: float, losses: Float64) -> Float64:
    """Return where a mixture has a loss; minus infinity where it is never so small."""
    if rate < 1.0:
        floor = log(1.0 - rate)
        above = losses > floor
        odds = np.full(len(losses), -inf)
        odds[above] = losses[above] + np.log(-np.expm1(floor - losses[above])) - log(rate)
        losses = odds
    return noise * noise * losses + 0.5


def _between(points: Float64) -> Float64:
    """Return a standard normal number's chances between neighbors, exact in both tails."""
    tail = np.array([0.5 * erfc(abs(one) / sqrt(2.0)) for one in points.tolist()])
    left, right = points[:-1], points[1:]
    same = (left >= 0) == (right >= 0)
    near, far = np.maximum(tail[:-1], tail[1:]), np.minimum(tail[:-1], tail[1:])
    found: Float64 = np.where(same, near - far, 1.0 - tail[:-1] - tail[1:])
    return found


def _pure(epsilon: float, step: float) -> _Losses:
    """Return the losses of the worst release of a pure epsilon: an answer that is true or not."""
    if epsilon == 0:
        return _Losses(0, step, np.ones(1), 0.0)
    cells = int(np.ceil(epsilon / step))
    chance = np.zeros(2 * cells + 1)
    chance[-1] = 1.0 / (1.0 + exp(-cells * step))
    chance[0] = 1.0 - chance[-1]
    return _Losses(-cells, step, chance, 0.0)


def _range(one: _Losses, steps: int) -> tuple[int, int]:
    """Return between which points the sum of so many losses lies, but for a chance of `_OVERLAP`.

    By moments (Chernoff): P(sum >= s) <= exp(n K(t) - t s), for any t.
    """
    losses = (one.first + np.arange(len(one.chance))) * one.step
    there = one.chance > 0
    losses, logs = losses[there], np.log(one.chance[there])
    low, high = steps * float(losses[0]), steps * float(losses[-1])
    for tilt in np.geomspace(0.02, 200.0, 40).tolist():
        for sign in (1.0, -1.0):
            powers = logs + sign * tilt * losses
            peak = float(powers.max())
            grown = steps * (peak + log(float(np.exp(powers - peak).sum())))
            reached = (grown - log(_OVERLAP)) / tilt
            if sign > 0:
                high = min(high, reached)
            else:
                low = max(low, -reached)
    return int(np.floor(low / one.step)) - 1, int(np.ceil(high / one.step)) + 1


def _epsilon(whole: _Losses, delta: float) -> float:
    """Return the smallest epsilon with E[max(0, 1 - exp(epsilon - loss))] at most delta."""
    if whole.lost >= delta:
        return inf
    losses = (whole.first + np.arange(len(whole.chance))) * whole.step
    positive = losses > 0
    losses, chance = losses[positive], whole.chance[positive]
    above = np.cumsum(chance[::-1])[::-1] + whole.lost
    weighed = np.cumsum((chance * np.exp(-losses))[::-1])[::-1]
    # Just below losses[i] the chance is above[i] - exp(epsilon) weighed[i].
    with np.errstate(over="ignore", invalid="ignore"):
        at = above - np.where(weighed > 0, np.exp(losses) * weighed, 0.0)
    index = int(np.searchsorted(-at, -delta))  # the first where it is at most delta
    if index >= len(losses) or weighed[index] <= 0:
        return inf
    return max(0.0, log(max(1.0, (above[index] - delta) / weighed[index])))
