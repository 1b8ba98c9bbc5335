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

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import log2

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

LEAST, MOST = 0.125, 32.0
"""The factors between which is searched, in both directions."""

PER_OCTAVE = 8
"""Factors that are tried first, for each doubling."""

TRIALS = 80
"""Factors that are tried in all, in each direction."""

Gap = tuple[int, float, float]
"""A direction, and the logarithms to base 2 of two neighbouring factors."""


def strongest(
    observation: AdversaryView, family: Callable[[float], Vector], signs: Sequence[int]
) -> Units:
    """Return what does most harm to the defence's result among vectors of one parameter.

    What a rule makes of a factor jumps wherever it chooses other updates, so that one climb from
    the best of a few factors stops short. Between neighbours of a grid the search halves, time
    after time, the best gap of each width that is no worse than all wider ones (after Jones,
    Perttunen and Stuckman, "Lipschitzian optimization without the Lipschitz constant", 1993).

    Args:
        observation: the round.
        family: from a factor to the vector that all attackers send.
        signs: directions to search in, of 1 and -1.
    """
    harm: dict[tuple[int, float], float] = {}

    def sent(sign: int, power: float) -> Units:
        return observation.alike(family(sign * 2.0**power))

    def attempt(sign: int, power: float) -> None:
        harm[sign, power] = observation.harm(sent(sign, power))

    def most(gap: Gap) -> float:
        sign, low, high = gap
        return max(harm[sign, low], harm[sign, high])

    first, last = log2(LEAST), log2(MOST)
    powers = [first + step / PER_OCTAVE for step in range(int((last - first) * PER_OCTAVE) + 1)]
    for sign in signs:
        for power in powers:
            attempt(sign, power)
    gaps: list[Gap] = [(sign, *pair) for sign in signs for pair in pairwise(powers)]
    while len(harm) < TRIALS * len(signs):
        for gap in _promising(gaps, most):
            sign, low, high = gap
            middle = (low + high) / 2
            attempt(sign, middle)
            gaps.remove(gap)
            gaps += [(sign, low, middle), (sign, middle, high)]
    return sent(*max(harm, key=harm.__getitem__))


def _promising(gaps: Iterable[Gap], most: Callable[[Gap], float]) -> list[Gap]:
    """Return the best gap of each width, from the widest, where no wider one is better."""
    best: dict[float, Gap] = {}
    for gap in gaps:
        width = gap[2] - gap[1]
        if width not in best or most(gap) > most(best[width]):
            best[width] = gap
    found: list[Gap] = []
    for width in sorted(best, reverse=True):
        if not found or most(best[width]) >= most(found[-1]):
            found.append(best[width])
    return found


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
            strongest(observation, lambda factor: beyond + (factor - LEAST) * outwards, (1,))
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
