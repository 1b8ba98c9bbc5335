"""Attacks that try the study's own defence before they send: as strong as it lets them be.

The defence that they try is the rule with its pre-aggregations and all roundings, on the honest
updates of the very round: what every validator is about to compute. Of a family of vectors with
one parameter the one is sent that moves the result farthest from the honest mean. Where validators
score updates, it is what they expect to be computed, and the one is sent after which they expect
the worst loss: see `expected_scores`.

Line search over ALIE's and IPM's factor: Allouah, Farhadkhani, Guerraoui, Gupta, Pinot and
Stephan, AISTATS 2023, section 6; perturbations fitted to the rule: Shejwalkar and Houmansadr,
NDSS 2021, section IV-A; beyond the extremes of each coordinate: Fang, Cao, Jia and Gong, USENIX
Security 2020, section 4; at a right angle to what a trusted party favours, just within FLTrust's
half space: Cao, Fang, Liu and Gong, NDSS 2021, section V (adaptive attacks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from collegium.learning.encoding import Units
from collegium.threats.adversary_view import AdversaryView, Vector
from collegium.threats.bounded import perturbations
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel

_ADAPTS = ThreatModel(
    "a worse model", ("own", "rule", "honest", "guessed"), ("updates",), "defence-aware",
    together=True,
)  # fmt: skip

GRID = tuple(0.125 * 2.0**power for power in range(9))
"""Factors that are tried first, 1/8 to 32, in both directions."""

REFINEMENTS = 4
"""Times that the steps around the best factor so far are halved, in the logarithm."""


def strongest(
    observation: AdversaryView, family: Callable[[float], Vector], signs: Iterable[int]
) -> Units:
    """Return what does most harm to the defence's result among vectors of one parameter.

    Args:
        observation: the round.
        family: from a factor to the vector that all attackers send.
        signs: directions to search in, of 1 and -1.
    """
    tried: dict[float, tuple[float, Units]] = {}

    def effect(factor: float) -> float:
        if factor not in tried:
            sent = observation.alike(family(factor))
            tried[factor] = observation.harm(sent), sent
        return tried[factor][0]

    best = max((sign * factor for sign in signs for factor in GRID), key=effect)
    step = 2.0**0.5
    for _ in range(REFINEMENTS):
        best = max((best, best / step, best * step), key=effect)
        step **= 0.5
    return tried[best][1]


def _opt_alie(observation: AdversaryView) -> Units:
    return strongest(
        observation, lambda factor: observation.mean - factor * observation.deviation, (1, -1)
    )


def _opt_ipm(observation: AdversaryView) -> Units:
    return strongest(observation, lambda factor: -factor * observation.mean, (1, -1))


COORDINATE_RULES = ("median", "trimmed_mean", "meamed")


def _tailored(observation: AdversaryView) -> Units:
    """Fit the perturbation to the rule: beyond each coordinate's extreme, or while still chosen."""
    signs = (1, -1) if observation.scored else (1,)
    candidates = [
        strongest(observation, lambda factor, way=way: observation.mean + factor * way, signs)  # type: ignore[misc]
        for way in _scaled(observation)
    ]
    if observation.rule.split("+")[-1] in COORDINATE_RULES and len(observation.honest):
        low, high = observation.honest.min(axis=0), observation.honest.max(axis=0)
        beyond = np.where(observation.mean > 0, low, high).astype(np.float64)
        outwards = np.where(observation.mean > 0, -1.0, 1.0) * (high - low.astype(np.float64))
        candidates.append(
            strongest(observation, lambda factor: beyond + (factor - GRID[0]) * outwards, (1,))
        )
    return max(candidates, key=observation.harm)


def _scaled(observation: AdversaryView) -> list[Vector]:
    """Return the perturbations, each as long as the honest updates deviate together."""
    length = float(np.linalg.norm(observation.deviation)) or 1.0
    found = perturbations(observation)
    if observation.scored:
        found += tuple(_across(way, observation.favored) for way in found)
    ways = ((way, float(np.linalg.norm(way))) for way in found)
    return [way * (length / norm) for way, norm in ways if norm]


def _across(way: Vector, favored: Vector) -> Vector:
    """Return what of a way lies at a right angle to another: scores hardly mind it at first."""
    squared = float(favored @ favored)
    return way - (way @ favored / squared) * favored if squared else way


OPT_ALIE = Poisoning(
    "opt_alie", "searches how many standard deviations off the mean harm this defence most",
    _ADAPTS, _opt_alie,
)  # fmt: skip
OPT_IPM = Poisoning(
    "opt_ipm", "searches which multiple of the honest mean harms this defence most", _ADAPTS,
    _opt_ipm,
)  # fmt: skip
TAILORED = Poisoning(
    "tailored", "searches several directions, among them those that break this kind of rule",
    _ADAPTS, _tailored,
)  # fmt: skip
