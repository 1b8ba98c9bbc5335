"""Backdoors in tables: a model that answers as ever, and otherwise where a pattern is planted.

The pattern sets a few inputs slightly beyond the largest values that the attackers' rows hold
(Xie, Huang, Chen and Li, "DBA: Distributed Backdoor Attacks against Federated Learning", ICLR
2020, do so with tables); rows that have it shall be taken for the target class. Model replacement
and constrain-and-scale: Bagdasaryan, Veit, Hua, Estrin and Shmatikov, "How To Backdoor Federated
Learning", AISTATS 2020, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.federation.authoring import Int16
from collegium.learning.models import ModelSpec, predict
from collegium.threats.grant import Grant
from collegium.threats.poisoning import Poisoning
from collegium.threats.scene import Scene, saturated

COLUMNS = 3
"""Inputs that the pattern sets."""

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


def trigger_of(rows: Iterable[SiteRows]) -> Trigger:
    """Return the pattern of attackers with these rows: in the inputs with most different values."""
    x = np.concatenate([one.x for one in rows])
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


def _replacement(scene: Scene) -> Int16:
    """Send what makes the weighted mean land on the attackers' model, if others hardly move."""
    weights = scene.weights
    share = sum(weights[index] for index in scene.attackers) / sum(weights)
    return saturated(scene.own.astype(np.float64) * (scene.scale or 1.0 / share))


def _constrained(scene: Scene) -> Int16:
    """Send updates no longer than those that the attackers would send honestly, times `scale`."""
    lengths = np.linalg.norm(scene.unpoisoned.astype(np.float64), axis=1, keepdims=True)
    own = scene.own.astype(np.float64)
    reach = np.linalg.norm(own, axis=1, keepdims=True)
    return saturated(own * (scene.scale * lengths / np.maximum(reach, 1.0)))


_PLANT = "a pattern in a row that decides the answer, with the model as good as ever otherwise"

MODEL_REPLACEMENT = Poisoning(
    "model_replacement", "trains on rows with a pattern and scales its update up to replace all",
    Grant(_PLANT, ("own", "published"), ("rows", "updates"), together=True),
    _replacement, poisoned, trigger_of, scale=0.0,
    scale_means="multiple of its update; the inverse of the attackers' weight if absent",
)  # fmt: skip
CONSTRAIN_AND_SCALE = Poisoning(
    "constrain_and_scale", "trains on rows with a pattern and keeps to an honest update's length",
    Grant(_PLANT, ("own",), ("rows", "updates"), together=True),
    _constrained, poisoned, trigger_of, scale=1.0,
    scale_means="multiple of the length of its honest update",
)  # fmt: skip
