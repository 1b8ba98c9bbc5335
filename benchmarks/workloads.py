"""The benchmarks' synthetic data and settings, the same bits under any NumPy.

Only NumPy is imported, so that a peer's runner can use this in an environment of its own. Draws
come from `RandomState`, frozen for ever (NEP 19), and nothing but element-wise arithmetic is done
to them; `digest` shows that two runners had the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Workload:
    """A federation in simulation.

    Attributes:
        name: what the command line calls it.
        clients: how many there are.
        per_round: how many of them train in a round.
        least: the fewest rows of a client.
        most: the most rows of a client.
        widths: inputs, hidden units, outputs; a binary model has one output.
        separation: distance of a class's center from the origin, a coordinate.
        batch: rows of a batch.
        learning_rate: of the clients' gradient descent, one epoch a round.
        rounds: timed rounds of a run.
        warm: rounds before them, in which libraries compile and caches fill.
    """

    name: str
    clients: int
    per_round: int
    least: int
    most: int
    widths: tuple[int, ...]
    separation: float
    batch: int
    learning_rate: float
    rounds: int
    warm: int

    @property
    def classes(self) -> int:
        """Number of classes of the target."""
        return max(2, self.widths[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """One client's rows: float32 [n, inputs] and int64 class numbers [n]."""

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]


MLP = Workload("mlp", 100, 10, 150, 250, (64, 128, 10), 0.3, 32, 0.05, 150, 5)
LOGISTIC = Workload("logistic", 10_000, 10_000, 20, 60, (30, 1), 0.25, 32, 0.05, 5, 1)
HOSPITALS = Workload("hospitals", 4, 4, 20_000, 24_000, (64, 256, 128, 10), 0.3, 32, 0.05, 8, 2)
WORKLOADS = {one.name: one for one in (MLP, LOGISTIC, HOSPITALS)}

GATEWAYS = 10
"""Ledger participants of the logistic workload, each with an equal part of the clients."""


def clients(workload: Workload, seed: int = 0) -> list[Client]:
    """Return all clients' rows: a center a class and Gaussian noise around it."""
    draws = np.random.RandomState(seed)
    centers = draws.standard_normal((workload.classes, workload.widths[0])) * workload.separation
    found = []
    for index in range(workload.clients):
        rows = int(draws.randint(workload.least, workload.most + 1))
        y = draws.randint(workload.classes, size=rows).astype(np.int64)
        x = draws.standard_normal((rows, workload.widths[0])) + centers[y]
        found.append(Client(f"c{index:05d}", x.astype(np.float32), y))
    return found


def cohort(workload: Workload, number: int) -> list[int]:
    """Return who trains in a round, by index: the same for whoever draws here."""
    if workload.per_round == workload.clients:
        return list(range(workload.clients))
    draws = np.random.RandomState(number)
    return sorted(draws.permutation(workload.clients)[: workload.per_round].tolist())


def digest(data: list[Client]) -> str:
    """Return a digest of all rows."""
    state = sha256()
    for one in data:
        state.update(one.x.tobytes())
        state.update(one.y.tobytes())
    return state.hexdigest()[:16]


def accuracy(data: list[Client], matrices: list[tuple[Any, Any]]) -> float:
    """Return the accuracy over all clients' rows of a chain of (bias, weight) [inputs, outputs].

    Every runner's final model is measured by this one function.
    """
    right = total = 0
    for one in data:
        values = one.x.astype(np.float64)
        for depth, (bias, weight) in enumerate(matrices):
            if depth:
                values = np.maximum(values, 0.0)
            values = values @ np.asarray(weight, np.float64) + np.asarray(bias, np.float64)
        guess = values.argmax(axis=1) if values.shape[1] > 1 else (values[:, 0] > 0).astype(int)
        right += int((guess == one.y).sum())
        total += len(one.y)
    return right / total
