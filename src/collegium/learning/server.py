"""The server step: from an exact aggregate to the next model, the same bits on every machine.

float64 element by element, with + - * / sqrt, comparisons and sign alone: IEEE 754 rounds these
correctly everywhere, while powers, exponentials and reductions differ between processors. The
parameters are rounded to float32 once, at the end.

Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar and McMahan, "Adaptive Federated
Optimization", ICLR 2021, algorithm 2 (no bias correction, the second moment starts at tau**2);
momentum: Hsu, Qi and Brown, "Measuring the Effects of Non-Identical Data Distribution for
Federated Visual Classification", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.aggregation.adaptive_clip import followed
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.stopping import kept, measured
from collegium.learning.blobs import MAX_EXPONENT, ModelState, TensorSpec
from collegium.study.document import Server

Vector = NDArray[np.float64]
Move = tuple[Vector, tuple[Vector, ...]]


class ServerOptimizer(Protocol):
    """Turns the mean step into the server's move; a versioned name never changes meaning."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``adam@1``."""
        ...

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the vectors kept between rounds, sorted."""
        ...

    def initial(self, settings: Server) -> tuple[float, ...]:
        """Return what each slot is filled with before the first step."""
        ...

    def move(self, mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
        """Return what is added to the parameters, and the next slots; all float64 [d]."""
        ...


def initial_state(
    tensors: tuple[TensorSpec, ...],
    parameters: NDArray[np.float32],
    optimizer: ServerOptimizer,
    settings: Server,
) -> ModelState:
    """Return the model before the first round: given parameters, float32 [d], at step 0."""
    slots = tuple(
        (name, np.full(parameters.size, value))
        for name, value in zip(optimizer.slots, optimizer.initial(settings), strict=True)
    )
    return ModelState(tensors, parameters, optimizer.name, 0, slots)


def server_step(
    model: ModelState,
    aggregate: Aggregate,
    exponent: int,
    optimizer: ServerOptimizer,
    settings: Server,
) -> ModelState:
    """Return the model after one round.

    The mean step is ``float64(total) / float64(denominator * 2**exponent)``.

    Raises:
        RunError: the aggregate or the optimizer is not this model's, or the result is not finite.
    """
    if optimizer.name != model.optimizer:
        raise _refusal(f"the model was stepped by {model.optimizer}, not by {optimizer.name}")
    if tuple(name for name, _ in model.slots) != optimizer.slots:
        raise _refusal(f"the model's slots are not those of {optimizer.name}")
    if aggregate.total.shape != model.parameters.shape or aggregate.denominator < 1:
        raise _refusal("the aggregate does not have the model's size, or divides by nothing")
    if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
        raise _refusal(f"the exponent {exponent} is outside ±{MAX_EXPONENT}")
    with np.errstate(all="ignore"):
        scale = math.ldexp(aggregate.denominator, exponent)
        mean = aggregate.total.astype(np.float64)
        mean /= scale
        moved = mean.size - measured(model.tensors) - followed(model.tensors)
        before = tuple(slot[:moved] for _, slot in model.slots)
        move, after = optimizer.move(mean[:moved], before, settings)
        moved_to = model.parameters[:moved].astype(np.float64)
        moved_to += move
        parameters = moved_to.astype(np.float32)
        if moved < mean.size:
            told = mean[moved:].astype(np.float32)
            if measured(model.tensors):
                told = kept(model.parameters[moved:], mean[moved:], model.step)
            parameters = np.concatenate([parameters, told])
            after = tuple(np.concatenate([slot, np.zeros(len(told))]) for slot in after)
    if not (np.isfinite(parameters).all() and all(np.isfinite(slot).all() for slot in after)):
        raise RunError(
            "server.non-finite",
            "the server step has no finite result",
            "the updates or the server's learning rate are too large",
            "lower aggregation.server.learning_rate, or raise aggregation.server.tau",
        )
    slots = tuple(zip(optimizer.slots, after, strict=True))
    return ModelState(model.tensors, parameters, model.optimizer, model.step + 1, slots)


@dataclass(frozen=True, slots=True)
class _Optimizer:
    """A built-in optimizer: its name, its slots and its two formulas."""

    name: str
    slots: tuple[str, ...]
    initial: Callable[[Server], tuple[float, ...]]
    move: Callable[[Vector, tuple[Vector, ...], Server], Move]


def _average(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    return settings.learning_rate * mean, slots


def _momentum(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    (first,) = slots
    first = settings.beta1 * first + mean
    return settings.learning_rate * first, (first,)


def _adagrad(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    first, second = slots
    return _adaptive(mean, first, second + mean * mean, settings)


def _adam(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    first, second = slots
    second = settings.beta2 * second + (1.0 - settings.beta2) * (mean * mean)
    return _adaptive(mean, first, second, settings)


def _yogi(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    first, second = slots
    square = mean * mean
    second = second - (1.0 - settings.beta2) * square * np.sign(second - square)
    return _adaptive(mean, first, second, settings)


def _adaptive(mean: Vector, first: Vector, second: Vector, settings: Server) -> Move:
    first = settings.beta1 * first + (1.0 - settings.beta1) * mean
    move = settings.learning_rate * first / (np.sqrt(second) + settings.tau)
    return move, (first, second)


def _controlled(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    """The model, then as many control variates, which no rate applies to (SCAFFOLD)."""
    move = mean.copy()
    move[: mean.size // 2] *= settings.learning_rate
    return move, ()


def _normalized(mean: Vector, slots: tuple[Vector, ...], settings: Server) -> Move:
    """The model, then a count of local work and its unit, which stay zero (FedNova)."""
    move = mean * (settings.learning_rate * (mean[-2] / mean[-1]))
    move[-2:] = 0.0
    return move, ()


def _no_slots(settings: Server) -> tuple[float, ...]:
    return ()


def _one_slot(settings: Server) -> tuple[float, ...]:
    return (0.0,)


def _two_slots(settings: Server) -> tuple[float, ...]:
    return (0.0, settings.tau * settings.tau)


def _refusal(why: str) -> RunError:
    return RunError("server.refused", "the server step is refused", why, "resume the same study")


_MOMENTS = ("first_moment", "second_moment")

SCAFFOLD: ServerOptimizer = _Optimizer("scaffold@1", (), _no_slots, _controlled)
FEDNOVA: ServerOptimizer = _Optimizer("fednova@1", (), _no_slots, _normalized)
AVERAGE: ServerOptimizer = _Optimizer("none@1", (), _no_slots, _average)
MOMENTUM: ServerOptimizer = _Optimizer("momentum@1", _MOMENTS[:1], _one_slot, _momentum)
ADAGRAD: ServerOptimizer = _Optimizer("adagrad@1", _MOMENTS, _two_slots, _adagrad)
ADAM: ServerOptimizer = _Optimizer("adam@1", _MOMENTS, _two_slots, _adam)
YOGI: ServerOptimizer = _Optimizer("yogi@1", _MOMENTS, _two_slots, _yogi)
