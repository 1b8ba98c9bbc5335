"""Losses on rows held out: what sites share of them, what the server keeps, when training ends.

Every participant measures the round's starting model on rows that it does not train on, and shares
its mean loss in 1024ths, and 1024, as whole numbers of the encoding; the quotient of their means is
the sites' mean loss, weighted as their updates are, exactly. The server keeps that loss, the best
one so far, and how many rounds ago that was. When it was as many as the study's patience, training
is over (Prechelt, "Early Stopping, But When?", 1998, the criterion UP with a patience).

A rule that bears bad updates never sees these coordinates, where a loss would count as a distance:
the losses are then borne by themselves, each site's counting once, without the f least and the f
greatest.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import AUXILIARY, ModelState, TensorSpec

VALIDATION = TensorSpec(f"{AUXILIARY}validation", (4,))
"""Loss, nothing, best loss, rounds since then. The last of a study's tensors by its name."""

UNIT = 1024
VOTED = 2.0**30
LARGEST_VOTED = 2.0**52
"""A loss is voted on in 2^30ths, within these limits."""

LARGEST = 8191
"""As for counts of local work: more would stand in the way of a finer encoding."""


def measured(tensors: tuple[TensorSpec, ...]) -> int:
    """Return how many coordinates at the end of a study's vector are about validation."""
    return VALIDATION.size if tensors and tensors[-1] == VALIDATION else 0


def shared(loss: float | None, exponent: int) -> NDArray[np.float64]:
    """Return what a site adds to its step, float64 [4]; a loss that is no number is the largest.

    A site that holds nothing out has no loss, and no say.
    """
    if loss is None:
        return np.zeros(VALIDATION.size)
    count = LARGEST if not loss * UNIT < LARGEST else round(UNIT * loss)
    return np.asarray(np.ldexp(np.array([count, UNIT, 0.0, 0.0]), -exponent))


def borne(told: NDArray[np.signedinteger], tolerate: int) -> NDArray[np.int64]:
    """Return in place of a sum what a mean of losses says that bears bad ones, int64 [4].

    That is the sum of losses in 2^-30ths, rounded down, without the f least and the f greatest
    (of few, all but the middle one or two), and what they are units of.

    Args:
        told: what sites shared, or groups' means of it, integers [n, 4]. Who tells no loss, or none
            that could be one, has no say.
        tolerate: f, how many of them may be bad.
    """
    said = [(int(loss), int(unit)) for loss, unit in told[:, :2] if loss >= 0 and unit > 0]
    losses = sorted((loss << 30) // unit for loss, unit in said)
    cut = min(tolerate, max(len(losses) - 1, 0) // 2)
    middle = losses[cut : len(losses) - cut]
    return np.array([sum(middle), len(middle) << 30, 0, 0], np.int64)


def kept(before: NDArray[np.float32], mean: NDArray[np.float64], step: int) -> NDArray[np.float32]:
    """Return what the server keeps after a round, float32 [4]; what nobody told is the largest.

    Args:
        before: what it kept, float32 [4].
        mean: of what the sites shared, float64 [4].
        step: how many rounds were closed before this one.
    """
    loss = np.float32(mean[0] / mean[1] if mean[1] else LARGEST)
    if step == 0 or loss < before[2]:
        return np.array([loss, 0.0, loss, 0.0], np.float32)
    return np.array([loss, 0.0, before[2], before[3] + 1], np.float32)


def measured_loss(model: ModelState) -> int | None:
    """Return what a round told of the model that it started from; None where it told nothing.

    That is the mean loss on the sites' rows held out, rounded down to 2^-30.
    """
    if not measured(model.tensors):
        return None
    loss = float(model.parameters[-VALIDATION.size]) * VOTED
    return math.floor(min(max(loss, -LARGEST_VOTED), LARGEST_VOTED))


def is_over(model: ModelState, patience: int | None) -> bool:
    """Return whether a round that led to a model was the last one, by a study's patience."""
    return (
        patience is not None
        and measured(model.tensors) > 0
        and bool(model.parameters[-1] >= patience)
    )
