"""Attacks that know nothing of the others: flipped labels and signs, noise, the largest vector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from collegium.data.randomness import draws
from collegium.data.table import SiteRows
from collegium.learning.encoding import Units
from collegium.learning.models import ModelSpec
from collegium.threats.adversary_view import AdversaryView
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel

_SPOIL = ThreatModel("a worse model", ("own",), ("updates",))


def flipped(rows: SiteRows, spec: ModelSpec, pattern: None = None) -> SiteRows:
    """Return rows with label C - 1 - y for y of C classes; a number is mirrored in their range."""
    if spec.loss == "squared":
        y = (rows.y.max() + rows.y.min() - rows.y).astype(rows.y.dtype) if len(rows.y) else rows.y
    else:
        classes = 2 if spec.loss in ("logistic", "overlap") else spec.widths[-1]
        y = classes - 1 - rows.y
    return replace(rows, y=y)


def _sign_flip(observation: AdversaryView) -> Units:
    return observation.within(-observation.scale * observation.own.astype(np.float64))


def _gaussian(observation: AdversaryView) -> Units:
    """Send noise as long as the attacker's own update says, drawn anew in each round."""
    sent = np.empty(observation.own.shape, np.int32)
    for row, (index, own) in enumerate(zip(observation.attackers, observation.own, strict=True)):
        spread = observation.scale * np.sqrt(np.square(own.astype(np.float64)).mean())
        noise = draws(
            "gaussian", observation.seed, observation.round, observation.participants[index]
        )
        sent[row] = observation.within(spread * noise.standard_normal(own.size))
    return sent


def _huge(observation: AdversaryView) -> Units:
    far = float(observation.largest)
    return observation.within(np.where(observation.own > 0, -far, far))


LABEL_FLIP = Poisoning(
    "label_flip", "trains on its own rows with the labels turned round",
    ThreatModel("a worse model", ("own",), ("rows",)), poison=flipped,
)  # fmt: skip
SIGN_FLIP = Poisoning(
    "sign_flip", "sends its own update times -10, cut off at the encoding's range", _SPOIL,
    _sign_flip, scale=10.0, scale_means="multiple of its own update",
)  # fmt: skip
GAUSSIAN = Poisoning(
    "gaussian", "sends noise ten times as strong as its own update", _SPOIL,
    _gaussian, scale=10.0, scale_means="standard deviation, in root mean squares of its own update",
)  # fmt: skip
HUGE = Poisoning(
    "huge_update", "sends the largest vector that the encoding holds, against its own update",
    _SPOIL, _huge,
)  # fmt: skip
