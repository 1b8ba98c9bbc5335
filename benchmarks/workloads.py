"""The benchmarks' synthetic data and settings, the same bits under any NumPy.

Only NumPy is imported, so that a peer's runner can use this in an environment of its own. Draws
come from `RandomState`, frozen for ever (NEP 19), and nothing but element-wise arithmetic is done
to them; `digest` shows that two runners had the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
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
        shape: channels, height and width of a row that is a picture.
        channels: of a convolutional network's stages, before its dense layers.
        kernel: width of its convolutions.
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
    shape: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    kernel: int = 0

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
CNN = Workload(
    "cnn", 100, 10, 150, 250, (784, 560, 64, 10), 4.0, 32, 0.05, 20, 2,
    shape=(1, 28, 28), channels=(16, 32), kernel=3,
)  # fmt: skip
WORKLOADS = {one.name: one for one in (MLP, LOGISTIC, HOSPITALS, CNN)}

GATEWAYS = 10
"""Ledger participants of the logistic workload, each with an equal part of the clients."""


@lru_cache(maxsize=1)
def kept(workload: Workload) -> list[Client]:
    """Return all clients' rows, made once in a process."""
    return clients(workload)


STRIPES = (
    (1, 0, 4), (0, 1, 4), (1, 1, 4), (1, 3, 4), (1, 0, 8), (0, 1, 8), (1, 1, 8), (1, 7, 8),
    (1, 2, 8), (2, 1, 8),
)  # fmt: skip
"""What a picture of each class shows: a pixel in line i and column j is bright where
(a i + b j + phase) mod m < m / 2."""


def clients(workload: Workload, seed: int = 0) -> list[Client]:
    """Return all clients' rows.

    A center a class and Gaussian noise around it; pictures are stripes with noise.
    """
    if workload.shape:
        return _pictures(workload, seed)
    draws = np.random.RandomState(seed)
    centers = draws.standard_normal((workload.classes, workload.widths[0])) * workload.separation
    found = []
    for index in range(workload.clients):
        rows = int(draws.randint(workload.least, workload.most + 1))
        y = draws.randint(workload.classes, size=rows).astype(np.int64)
        x = draws.standard_normal((rows, workload.widths[0])) + centers[y]
        found.append(Client(f"c{index:05d}", x.astype(np.float32), y))
    return found


def _pictures(workload: Workload, seed: int) -> list[Client]:
    draws = np.random.RandomState(seed)
    _, height, width = workload.shape
    line, column = np.arange(height)[:, None], np.arange(width)
    found = []
    for index in range(workload.clients):
        rows = int(draws.randint(workload.least, workload.most + 1))
        y = draws.randint(workload.classes, size=rows).astype(np.int64)
        a, b, period = (values[:, None, None] for values in np.array(STRIPES)[y].T)
        phase = draws.randint(8, size=(rows, 1, 1))
        bright = (a * line + b * column + phase) % period < period // 2
        x = draws.standard_normal(bright.shape) + workload.separation * (bright - 0.5)
        found.append(Client(f"c{index:05d}", x.reshape(rows, -1).astype(np.float32), y))
    return found


def trainers(workload: Workload, number: int) -> list[int]:
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


def accuracy(data: list[Client], outputs: Callable[[NDArray[np.float32]], Any]) -> float:
    """Return the accuracy of a model over all clients' rows.

    Every runner's final model is measured by this one function.

    Args:
        data: the clients.
        outputs: returns the last layer's values [n, k] for rows [n, inputs].
    """
    right = total = 0
    for one in data:
        values = np.asarray(outputs(one.x))
        guess = values.argmax(axis=1) if values.shape[1] > 1 else (values[:, 0] > 0).astype(int)
        right += int((guess == one.y).sum())
        total += len(one.y)
    return right / total


def chained(matrices: list[tuple[Any, Any]]) -> Callable[[NDArray[np.float32]], Any]:
    """Return the outputs of a chain of (bias, weight) [inputs, outputs], rectified in between."""

    def outputs(x: NDArray[np.float32]) -> Any:
        values = x.astype(np.float64)
        for depth, (bias, weight) in enumerate(matrices):
            if depth:
                values = np.maximum(values, 0.0)
            values = values @ np.asarray(weight, np.float64) + np.asarray(bias, np.float64)
        return values

    return outputs
