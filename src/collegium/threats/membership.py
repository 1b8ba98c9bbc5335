"""Membership inference: who was trained on, guessed from a model's confidence about them.

The loss threshold says "in" where the model is confident (S. Yeom, I. Giacomelli, M. Fredrikson and
S. Jha, CSF 2018). The likelihood-ratio attack compares the confidence with that of shadow models
which were trained with the person and without (N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis
and F. Tramèr, "Membership Inference Attacks From First Principles", S&P 2022). What counts is how
many it finds at few false alarms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVELS = (0.001, 0.01)
"""Shares of false alarms at which an attack is judged."""

_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Found:
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


def by_threshold(scores: Float64, present: Bools) -> Found:
    """Return what the loss threshold finds: confidence alone.

    Args:
        scores: float64 [models, units], each model's confidence about each unit.
        present: bool [models, units], whether the unit was in the model's training.
    """
    return _found("loss threshold", [(one, truth) for one, truth in zip(scores, present,
                                                                       strict=True)])  # fmt: skip


def by_likelihood(scores: Float64, present: Bools) -> Found:
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


def _found(name: str, judged: list[tuple[Float64, Bools]]) -> Found:
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
    return Found(name, len(scores), auc, tuple(rates))


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
