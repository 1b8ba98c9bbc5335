"""Membership inference: who was trained on, guessed from a model's confidence about them.

The loss threshold says "in" where the model is confident (S. Yeom, I. Giacomelli, M. Fredrikson and
S. Jha, CSF 2018). The likelihood-ratio attack compares the confidence with that of shadow models
which were trained with the person and without (N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis
and F. Tramèr, "Membership Inference Attacks From First Principles", S&P 2022). What counts is how
many it finds at few false alarms. Shadow studies are trained on random halves of the training part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from collegium.study.privacy import privacy_terms
from collegium.threats.victim import Victim

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Level = Literal["patient", "client"]
Learn = Callable[[Mapping[str, SiteRows]], NDArray[np.float32]]

LEVELS = (0.001, 0.01)
"""Shares of false alarms at which an attack is judged."""

_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class MembershipGuess:
    """What an attack finds.

    `true_positives` is its rate at each of `LEVELS` of false positives; `auc` the chance to rank
    somebody who was in above somebody who was not.
    """

    attack: str
    guesses: int
    auc: float
    true_positives: tuple[float, ...]


def confidence(probability: Float64) -> Float64:
    """Return log odds of the probabilities that a model gave to what was true."""
    kept = np.clip(probability, _FLOOR, 1.0 - _FLOOR)
    odds: Float64 = np.log(kept) - np.log1p(-kept)
    return odds


def by_threshold(scores: Float64, present: Bools) -> MembershipGuess:
    """Return what the loss threshold finds: confidence alone.

    Args:
        scores: float64 [models, units], each model's confidence about each unit.
        present: bool [models, units], whether the unit was in the model's training.
    """
    return _found("loss threshold", [(one, truth) for one, truth in zip(scores, present,
                                                                       strict=True)])  # fmt: skip


def by_likelihood(scores: Float64, present: Bools) -> MembershipGuess:
    """Return what the likelihood ratio finds, each model being the target of all the others.

    Confidences of a unit with and without it are taken to be normal, with one spread for all units,
    as few shadow models tell no more.
    """
    judged = []
    for target in range(len(scores)):
        others = np.arange(len(scores)) != target
        inside = _means(scores[others], present[others])
        outside = _means(scores[others], ~present[others])
        expected = np.where(present[others], inside, outside)
        spread = max(float((scores[others] - expected).std()), _FLOOR)
        ratio = (scores[target] - outside) ** 2 - (scores[target] - inside) ** 2
        known = present[others].any(axis=0) & ~present[others].all(axis=0)
        judged.append((ratio[known] / (2 * spread**2), present[target][known]))
    return _found("likelihood ratio (LiRA)", judged)


def _means(scores: Float64, chosen: Bools) -> Float64:
    counts = np.maximum(chosen.sum(axis=0), 1)
    means: Float64 = np.where(chosen, scores, 0.0).sum(axis=0) / counts
    return means


def _found(name: str, judged: list[tuple[Float64, Bools]]) -> MembershipGuess:
    """Return the rates of guesses over all target models together."""
    scores = np.concatenate([one for one, _ in judged])
    truth = np.concatenate([one for _, one in judged])
    inside, outside = scores[truth], np.sort(scores[~truth])
    rates = []
    for level in LEVELS:
        allowed = int(level * len(outside))
        threshold = outside[len(outside) - allowed - 1]
        rates.append(float((inside > threshold).mean()))
    below = np.searchsorted(outside, inside, side="left")
    equal = np.searchsorted(outside, inside, side="right") - below
    auc = float((below + equal / 2).mean() / len(outside))
    return MembershipGuess(name, len(scores), auc, tuple(rates))


def shadows(
    train: Callable[[Bools], Float64], units: int, models: int, seed: int
) -> tuple[Float64, Bools]:
    """Train models on random halves of the units; return confidences and who was in.

    Args:
        train: trains with the units that are true, and returns its confidence about all of them.
        units: how many there are.
        models: how many to train.
        seed: of the halves.
    """
    rng = np.random.default_rng(seed)
    present = rng.random((models, units)) < 0.5
    return np.stack([train(one) for one in present]), present


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
    attacks: tuple[MembershipGuess, ...]
    epsilon: float | None
    delta: float | None
    bounds: tuple[float, ...]


def exposure(
    victim: Victim,
    learn: Learn,
    *,
    models: int,
    level: Level = "patient",
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Exposure:
    """Attack a study's final model.

    Args:
        victim: the study.
        learn: returns the study's final model, float32 [d], from other training rows of its sites.
        models: shadow studies to train; each is attacked with what the others tell.
        level: whether patients are guessed at, or whole sites.
        progress: is told how many studies are trained.

    Raises:
        StudyError: the study's target has no classes, or a single site is to be told from none.
    """
    task = victim.schema.task
    if task not in ("binary", "multiclass"):
        raise StudyError(
            "bench.no-classes", f"{victim.study.study.id} predicts no classes",
            "the attacks go by the probability that a model gives to the truth",
            "choose a study with a binary or multiclass target",
        )  # fmt: skip
    if UNITS[level].whole_site and len(victim.train) < 3:
        raise StudyError(
            "bench.few-sites", f"{victim.study.study.id} has {len(victim.train)} sites",
            "half of them have to make a study", "choose a study with at least three sites",
        )  # fmt: skip
    units = _units(victim, level)
    done = 0

    def train(present: Bools) -> Float64:
        nonlocal done
        parameters = learn(_with(victim, units, present))
        done += 1
        progress(done, models)
        return _confidences(victim, units, parameters)

    count = 1 + max(int(one.max()) for one in units.values())
    scores, present = shadows(train, count, models, victim.study.study.seed)
    epsilon, delta, bounds = _bounds(victim, level)
    return Exposure(
        study=victim.study.study.id, level=level, units=count, models=models,
        attacks=(by_threshold(scores, present), by_likelihood(scores, present)),
        epsilon=epsilon, delta=delta, bounds=bounds,
    )  # fmt: skip


def _units(victim: Victim, level: Level) -> dict[str, NDArray[np.int64]]:
    """Return the unit of each site's training rows, numbered over all sites from 0."""
    found, first = {}, 0
    for name, rows in victim.train.items():
        _, numbers = np.unique(UNITS[level].of_rows(rows.person), return_inverse=True)
        found[name] = numbers + first
        first = int(found[name].max()) + 1
    return found


def _with(
    victim: Victim, units: dict[str, NDArray[np.int64]], present: Bools
) -> dict[str, SiteRows]:
    """Return the training rows of some units alone.

    A site of which nobody is left keeps one row: a study's sites are registered.
    """
    train: dict[str, SiteRows] = {}
    for name, rows in victim.train.items():
        kept = present[units[name]]
        if not kept.any():
            kept = np.arange(len(kept)) == 0
        train[name] = take(rows, kept)
    return train


def _confidences(
    victim: Victim, units: dict[str, NDArray[np.int64]], parameters: NDArray[np.float32]
) -> Float64:
    """Return a model's confidence about every unit: the mean over its rows."""
    told, whose = [], []
    for name, rows in victim.train.items():
        scores = predict(victim.spec, parameters, rows.x)
        right = np.where(rows.y == 1, scores[:, 0], 1 - scores[:, 0])
        if scores.shape[1] > 1:
            right = np.take_along_axis(scores, rows.y.astype(np.int64)[:, None], axis=1)[:, 0]
        told.append(confidence(right))
        whose.append(units[name])
    unit = np.concatenate(whose)
    return np.bincount(unit, np.concatenate(told)) / np.bincount(unit)


def _bounds(victim: Victim, level: Level) -> tuple[float | None, float | None, tuple[float, ...]]:
    terms = privacy_terms(victim.study)
    covers = terms is not None and terms.protects.whole_site == UNITS[level].whole_site
    if terms is None or not covers:
        return None, None, ()
    rounds = affordable_rounds(terms, victim.study.training.rounds)
    epsilon, delta = spent_after(terms, rounds) / MICRO, terms.delta / 10**15
    return epsilon, delta, tuple(min(1.0, exp(epsilon) * one + delta) for one in LEVELS)
