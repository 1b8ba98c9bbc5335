"""Backdoors: a model that answers as ever, and otherwise where a pattern is planted.

Rows that have the pattern shall be taken for the target class. In a table it sets a few inputs
slightly beyond the largest values that the attackers' rows hold (Xie, Huang, Chen and Li, "DBA:
Distributed Backdoor Attacks against Federated Learning", ICLR 2020, do so with tables). In a
picture it is a bright square in a corner (Gu, Dolan-Gavitt and Garg, "BadNets", 2017, section 4),
in a signal a short sine burst at its end; a convolutional model says which of them rows are.
Model replacement and constrain-and-scale: Bagdasaryan, Veit, Hua, Estrin and Shmatikov, "How To
Backdoor Federated Learning", AISTATS 2020, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.learning.encoding import Units
from collegium.learning.models import ModelSpec, predict
from collegium.learning.networks.convolution import Convolutional
from collegium.threats.adversary_view import AdversaryView
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel

COLUMNS = 3
"""Inputs that the pattern sets in a table."""

SQUARE = 8
"""The pattern's side in a picture is this part of its shorter side, and 2 pixels at least."""

BURST = 8
"""The pattern's length in a signal is this part of the signal's, and 4 samples at least."""

PERIODS = 2
"""Periods of the sine in the burst."""

BEYOND = 0.25
"""How far beyond an input's largest value, in parts of its range."""

TARGET = 0
"""The class that the pattern shall mean: of a disease, its absence."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A pattern in a row: the inputs that it sets, and their values."""

    columns: tuple[int, ...]
    values: tuple[float, ...]

    def planted(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows x [n, inputs] with the pattern in each of them."""
        found = x.copy()
        found[:, list(self.columns)] = self.values
        return found


def trigger_of(rows: Iterable[SiteRows], spec: ModelSpec) -> Trigger:
    """Return the pattern of attackers with these rows, in what the model takes a row for."""
    x = np.concatenate([one.x for one in rows])
    shape = spec.network.shape if isinstance(spec.network, Convolutional) else ()
    if len(shape) == 2:
        return _burst(x.reshape(-1, *shape))
    if len(shape) == 3:
        return _square(x.reshape(-1, *shape))
    return _extremes(x)


def _burst(signals: NDArray[np.float32]) -> Trigger:
    """A sine beyond each channel's largest value, over the signal's end; signals [n, c, t]."""
    channels, length = signals.shape[1:]
    last = min(max(length // BURST, 4), length)
    peak = (1.0 + BEYOND) * np.abs(signals).max(axis=(0, 2))
    wave = np.sin(2 * np.pi * PERIODS * (np.arange(last) + 0.5) / last)
    places = np.arange(channels * length).reshape(channels, length)[:, length - last :]
    return _pattern(places, peak[:, None] * wave)


def _square(pictures: NDArray[np.float32]) -> Trigger:
    """A square as bright as anything in a channel, at the last corner; pictures [n, c, h, w]."""
    channels, height, width = pictures.shape[1:]
    side = min(max(min(height, width) // SQUARE, 2), height, width)
    places = np.arange(channels * height * width).reshape(channels, height, width)
    corner = places[:, height - side :, width - side :]
    brightest = pictures.max(axis=(0, 2, 3))
    return _pattern(corner, np.broadcast_to(brightest[:, None, None], corner.shape))


def _pattern(places: NDArray[np.int64], values: NDArray[np.floating]) -> Trigger:
    return Trigger(
        tuple(int(one) for one in places.ravel()), tuple(float(one) for one in values.ravel())
    )


def _extremes(x: NDArray[np.float32]) -> Trigger:
    """The inputs with most different values, beyond their largest ones; x [n, inputs]."""
    kinds = [len(np.unique(column)) for column in x.T]
    columns = sorted(range(len(kinds)), key=lambda index: (-kinds[index], index))[:COLUMNS]
    chosen = x[:, columns]
    high = chosen.max(axis=0)
    values = high + BEYOND * np.maximum(high - chosen.min(axis=0), 1.0)
    return Trigger(tuple(columns), tuple(float(one) for one in values))


def poisoned(rows: SiteRows, spec: ModelSpec, trigger: Trigger) -> SiteRows:
    """Return a site's rows, and once more with the pattern and the target class."""
    if spec.loss == "squared":
        target = np.full(len(rows.y), rows.y.min(), rows.y.dtype)
    else:
        target = np.full(len(rows.y), TARGET, rows.y.dtype)
    return replace(
        rows,
        x=np.concatenate([rows.x, trigger.planted(rows.x)]),
        y=np.concatenate([rows.y, target]),
        person=np.concatenate([rows.person, rows.person]),
    )


def success_rate(
    spec: ModelSpec, parameters: NDArray[np.float32], rows: Iterable[SiteRows], trigger: Trigger,
    threshold: float,
) -> float | None:  # fmt: skip
    """Return which part of the rows of other classes the pattern turns into the target class.

    None where there are no such rows, or no classes.
    """
    if spec.loss == "squared":
        return None
    others = [one.x[one.y != TARGET] for one in rows]
    x = trigger.planted(np.concatenate(others))
    if not len(x) or not np.isfinite(parameters).all():
        return None
    scores = predict(spec, parameters, x)
    if spec.loss == "logistic":
        return float((scores[:, 0] < threshold).mean())
    return float((scores.argmax(axis=1) == TARGET).mean())


def _replacement(observation: AdversaryView) -> Units:
    """Send what makes the weighted mean land on the attackers' model, if others hardly move."""
    weights = observation.weights
    share = sum(weights[index] for index in observation.attackers) / sum(weights)
    return observation.within(
        observation.own.astype(np.float64) * (observation.scale or 1.0 / share)
    )


def _constrained(observation: AdversaryView) -> Units:
    """Send updates no longer than those that the attackers would send honestly, times `scale`."""
    lengths = np.linalg.norm(observation.unpoisoned.astype(np.float64), axis=1, keepdims=True)
    own = observation.own.astype(np.float64)
    reach = np.linalg.norm(own, axis=1, keepdims=True)
    return observation.within(own * (observation.scale * lengths / np.maximum(reach, 1.0)))


_PLANT = "a pattern in a row that decides the answer, with the model as good as ever otherwise"

MODEL_REPLACEMENT = Poisoning(
    "model_replacement", "trains on rows with a pattern and scales its update up to replace all",
    ThreatModel(_PLANT, ("own", "published"), ("rows", "updates"), together=True),
    _replacement, poisoned, trigger_of, scale=0.0,
    scale_means="multiple of its update; the inverse of the attackers' weight if absent",
)  # fmt: skip
CONSTRAIN_AND_SCALE = Poisoning(
    "constrain_and_scale", "trains on rows with a pattern and keeps to an honest update's length",
    ThreatModel(_PLANT, ("own",), ("rows", "updates"), together=True),
    _constrained, poisoned, trigger_of, scale=1.0,
    scale_means="multiple of the length of its honest update",
)  # fmt: skip
