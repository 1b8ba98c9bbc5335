"""Omniscient attacks by formula: they know every honest update, and do not look at the defence.

A little is enough (ALIE): Baruch, Baruch and Goldberg, NeurIPS 2019. Inner product manipulation
(IPM): Xie, Koyejo and Gupta, UAI 2019. Mimic: Karimireddy, He and Jaggi, ICLR 2022, section 3.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from collegium.learning.encoding import Units
from collegium.threats.adversary_view import AdversaryView
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel

_KNOWS_ALL = ThreatModel("a worse model", ("own", "honest"), ("updates",), together=True)


TYPICAL = 1.0
"""Standard deviations that an honest update itself lies off the mean, by the root mean square."""


def z_max(participants: int, attackers: int) -> float:
    """Return how many standard deviations ALIE goes: so that a majority still supports it.

    Phi^-1((n - f - s) / (n - f)) with s = floor(n / 2 + 1) - f supporters. Where half of the honest
    sites or more would have to be supporters (ten sites with two attackers), that is 0 or less and
    leaves the attack nothing: there it goes as far as honest updates do, `TYPICAL`.
    """
    others = participants - attackers
    supporters = participants // 2 + 1 - attackers
    if 2 * supporters >= others > 0:
        return TYPICAL
    share = (others - supporters) / others if others else 1.0
    return NormalDist().inv_cdf(min(share, 1 - 1e-9))


def _alie(observation: AdversaryView) -> Units:
    z = observation.scale or z_max(len(observation.participants), len(observation.attackers))
    return observation.alike(observation.mean - z * observation.deviation)


def _ipm(observation: AdversaryView) -> Units:
    return observation.alike(-observation.scale * observation.mean)


def _mimic(observation: AdversaryView) -> Units:
    """Copy the honest update that lies farthest along the direction in which they vary most."""
    if not len(observation.honest):
        return observation.own
    centered = observation.honest - observation.mean
    direction = np.linalg.svd(centered, full_matrices=False)[2][0]
    return observation.alike(
        observation.honest[np.abs(centered @ direction).argmax()].astype(np.float64)
    )


ALIE = Poisoning(
    "alie", "sends the honest mean less z standard deviations, z such that most seem to agree",
    _KNOWS_ALL, _alie, scale=0.0, chooses=z_max,
    scale_means="z; if absent by the published formula, and 1 where that gives 0 or less",
)  # fmt: skip
IPM = Poisoning(
    "ipm", "sends the honest mean times -2", _KNOWS_ALL, _ipm, scale=2.0,
    scale_means="multiple of the honest mean, turned round",
)  # fmt: skip
MIMIC = Poisoning(
    "mimic", "copies the honest site that stands out most, so that it counts several times",
    _KNOWS_ALL, _mimic,
)  # fmt: skip
