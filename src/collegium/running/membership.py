"""How well patients, or sites, of a study can be told from its final model, by attack.

Shadow studies are trained on random halves of the training part, by the code that a run uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import affordable_rounds, spent_after
from collegium.accounting.units import UNITS
from collegium.data.table import SiteRows, take
from collegium.errors import StudyError
from collegium.learning.models import predict
from collegium.running.preparation import Prepared
from collegium.running.rehearsal import rehearse
from collegium.study.privacy import privacy_terms
from collegium.threats.membership import (
    LEVELS,
    Found,
    by_likelihood,
    by_threshold,
    confidence,
    shadows,
)

Level = Literal["patient", "client"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What attacks find in a study's final model.

    `bounds` are the largest true-positive rates that the study's epsilon allows at each level of
    false positives; empty without differential privacy, or where its unit is another one.
    """

    study: str
    level: Level
    units: int
    models: int
    attacks: tuple[Found, ...]
    epsilon: float | None
    delta: float | None
    bounds: tuple[float, ...]


def exposure(
    prepared: Prepared,
    *,
    models: int,
    level: Level = "patient",
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Exposure:
    """Attack a study's final model.

    Args:
        prepared: the study.
        models: shadow studies to train; each is attacked with what the others tell.
        level: whether patients are guessed at, or whole sites.
        progress: is told how many studies are trained.

    Raises:
        StudyError: the study's target has no classes, or a single site is to be told from none.
    """
    task = prepared.dataset.schema.task
    if task not in ("binary", "multiclass"):
        raise StudyError(
            "bench.no-classes", f"{prepared.study.study.id} predicts no classes",
            "the attacks go by the probability that a model gives to the truth",
            "choose a study with a binary or multiclass target",
        )  # fmt: skip
    if UNITS[level].whole_site and len(prepared.sites) < 3:
        raise StudyError(
            "bench.few-sites", f"{prepared.study.study.id} has {len(prepared.sites)} sites",
            "half of them have to make a study", "choose a study with at least three sites",
        )  # fmt: skip
    units = _units(prepared, level)
    done = 0

    def train(present: NDArray[np.bool_]) -> NDArray[np.float64]:
        nonlocal done
        model = rehearse(_with(prepared, units, present)).model
        done += 1
        progress(done, models)
        return _confidences(prepared, units, model.parameters)

    count = 1 + max(int(one.max()) for one in units.values())
    scores, present = shadows(train, count, models, prepared.study.study.seed)
    epsilon, delta, bounds = _bounds(prepared, level)
    return Exposure(
        study=prepared.study.study.id, level=level, units=count, models=models,
        attacks=(by_threshold(scores, present), by_likelihood(scores, present)),
        epsilon=epsilon, delta=delta, bounds=bounds,
    )  # fmt: skip


def _units(prepared: Prepared, level: Level) -> dict[str, NDArray[np.int64]]:
    """Return the unit of each site's training rows, numbered over all sites from 0."""
    found, first = {}, 0
    for name, rows in prepared.train.items():
        _, numbers = np.unique(UNITS[level].of_rows(rows.person), return_inverse=True)
        found[name] = numbers + first
        first = int(found[name].max()) + 1
    return found


def _with(
    prepared: Prepared, units: dict[str, NDArray[np.int64]], present: NDArray[np.bool_]
) -> Prepared:
    """Return the study with the rows of some units alone.

    A site of which nobody is left keeps one row: a study's sites are registered.
    """
    train: dict[str, SiteRows] = {}
    for name, rows in prepared.train.items():
        kept = present[units[name]]
        if not kept.any():
            kept = np.arange(len(kept)) == 0
        train[name] = take(rows, kept)
    return replace(prepared, train=train)


def _confidences(
    prepared: Prepared, units: dict[str, NDArray[np.int64]], parameters: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return a model's confidence about every unit: the mean over its rows."""
    told, whose = [], []
    for name, rows in prepared.train.items():
        scores = predict(prepared.parts.spec, parameters, rows.x)
        right = np.where(rows.y == 1, scores[:, 0], 1 - scores[:, 0])
        if scores.shape[1] > 1:
            right = np.take_along_axis(scores, rows.y.astype(np.int64)[:, None], axis=1)[:, 0]
        told.append(confidence(right))
        whose.append(units[name])
    unit = np.concatenate(whose)
    return np.bincount(unit, np.concatenate(told)) / np.bincount(unit)


def _bounds(
    prepared: Prepared, level: Level
) -> tuple[float | None, float | None, tuple[float, ...]]:
    terms = privacy_terms(prepared.study)
    covers = terms is not None and terms.protects.whole_site == UNITS[level].whole_site
    if terms is None or not covers:
        return None, None, ()
    rounds = affordable_rounds(terms, prepared.study.training.rounds)
    epsilon, delta = spent_after(terms, rounds) / MICRO, terms.delta / 10**15
    return epsilon, delta, tuple(min(1.0, exp(epsilon) * one + delta) for one in LEVELS)
