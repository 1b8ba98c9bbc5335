"""Omniscient attacks that no measure of distance sets apart: as far off as honest updates lie.

Shejwalkar and Houmansadr, "Manipulating the Byzantine: Optimizing Model Poisoning Attacks and
Defenses for Federated Learning", NDSS 2021, section IV: the honest mean plus gamma times a
perturbation, with the largest gamma for which no distance from an honest update exceeds the
largest one between two of them (Min-Max), or no sum of squared distances the largest such sum
(Min-Sum). Of their three perturbations the one that leads farthest is taken, and of those that lead
equally far the one that goes most against the honest mean; which one that is does not depend on
the defence. Under Min-Sum all lead equally far: the sum is h times the squared distance from the
mean, and what the honest updates have among themselves. So it goes straight against the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from collegium.learning.encoding import Units
from collegium.threats.adversary_view import AdversaryView, Vector
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel

_KNOWS_ALL = ThreatModel("a worse model", ("own", "honest"), ("updates",), together=True)

_HALVINGS = 40

_EQUAL = 1e-6
"""Lengths that differ by no more than this share are equal: halvings and sums are rounded."""

Measure = Callable[[Vector, Vector], float]
"""Returns how far off a vector [d] lies from rows [h, d]."""


def perturbations(observation: AdversaryView) -> tuple[Vector, ...]:
    """Return the directions to go from the honest mean: against it, against its signs, outwards."""
    length = float(np.linalg.norm(observation.mean))
    against = (-observation.mean / length, -np.sign(observation.mean)) if length else ()
    return (*against, -observation.deviation)


def _farthest(vector: Vector, rows: Vector) -> float:
    return float(np.square(rows - vector).sum(axis=1).max())


def _all_together(vector: Vector, rows: Vector) -> float:
    return float(np.square(rows - vector).sum())


def _bounded(measure: Measure) -> Callable[[AdversaryView], Units]:
    def craft(observation: AdversaryView) -> Units:
        rows = observation.honest.astype(np.float64)
        if len(rows) < 2:
            return observation.own
        bound = max(measure(row, rows) for row in rows)
        steps = [
            _largest(observation.mean, way, rows, measure, bound) * way
            for way in perturbations(observation)
        ]
        farthest = max(float(np.linalg.norm(step)) for step in steps)
        equal = [step for step in steps if np.linalg.norm(step) >= farthest * (1 - _EQUAL)]
        best = observation.mean + min(equal, key=lambda step: float(step @ observation.mean))
        return observation.alike(best)

    return craft


def _largest(
    mean: Vector, direction: Vector, rows: Vector, measure: Measure, bound: float
) -> float:
    """Return the largest multiple of a direction that keeps within the bound, by halving."""
    length = float(np.linalg.norm(direction))
    if not length:
        return 0.0
    low, high = 0.0, 2.0 * np.sqrt(bound) / length
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if measure(mean + middle * direction, rows) <= bound:
            low = middle
        else:
            high = middle
    return low


MIN_MAX = Poisoning(
    "min_max", "goes as far from the honest mean as two honest updates lie apart", _KNOWS_ALL,
    _bounded(_farthest),
)  # fmt: skip
MIN_SUM = Poisoning(
    "min_sum", "goes against the honest mean, as far from all honest updates as one of them lies",
    _KNOWS_ALL, _bounded(_all_together),
)  # fmt: skip
