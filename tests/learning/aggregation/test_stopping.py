"""Early stopping: what is shared is exact, what is kept is the best so far, and when it is over."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.aggregation.stopping import (
    LARGEST,
    UNIT,
    VALIDATION,
    borne,
    is_over,
    measured,
    measured_loss,
    shared,
)
from collegium.learning.blobs import ModelState, TensorSpec
from collegium.learning.server import ADAM, AVERAGE, initial_state, server_step
from collegium.study.document import Server

TENSORS = (TensorSpec("layer0.bias", (1,)), TensorSpec("layer0.weight", (2, 1)), VALIDATION)


def after(model: ModelState, losses: list[tuple[float, int]], exponent: int = 9) -> ModelState:
    """The model after a round in which sites of given weights had these losses."""
    total = np.zeros(7, np.int64)
    for loss, weight in losses:
        step = np.concatenate([[0.5, 0.25, -0.5], shared(loss, exponent)])
        total += weight * np.rint(np.ldexp(step, exponent)).astype(np.int64)
    weights = sum(weight for _, weight in losses)
    optimizer = ADAM if model.optimizer == ADAM.name else AVERAGE
    return server_step(model, Aggregate(total, weights), exponent, optimizer, Server())


def first(optimizer: str = "none") -> ModelState:
    used = ADAM if optimizer == "adam" else AVERAGE
    return initial_state(TENSORS, np.zeros(7, np.float32), used, Server())


@pytest.mark.parametrize("exponent", [-3, 0, 12, 30])
def test_the_mean_loss_is_the_weighted_mean_of_what_sites_counted(exponent: int) -> None:
    found = after(first(), [(0.5, 3), (0.75, 1)], exponent)
    assert found.parameters[3:].tolist() == [0.5625, 0, 0.5625, 0]


def test_the_best_loss_is_kept_with_the_rounds_since() -> None:
    model, told = first(), []
    for loss in (0.9, 0.5, 0.75, 0.5, 0.25):
        model = after(model, [(loss, 1)])
        told.append(model.parameters[[3, 5, 6]].tolist())
    counted = [round(UNIT * loss) / UNIT for loss in (0.9, 0.5, 0.75, 0.5, 0.25)]
    best = [counted[0], 0.5, 0.5, 0.5, 0.25]
    rows = zip(counted, best, [0, 0, 1, 2, 0], strict=True)
    assert told == [pytest.approx(list(row), rel=1e-6) for row in rows]


def test_it_is_over_when_patience_is() -> None:
    model = after(first(), [(0.5, 1)])
    assert not is_over(model, 1)
    model = after(model, [(0.6, 1)])
    assert is_over(model, 1)
    assert not is_over(model, 2)
    assert not is_over(model, None)


def test_what_is_shared_stays_out_of_the_models_way() -> None:
    for optimizer in ("none", "adam"):
        found = after(first(optimizer), [(0.5, 2)])
        bare = initial_state(
            TENSORS[:2], np.zeros(3, np.float32), ADAM if optimizer == "adam" else AVERAGE, Server()
        )
        total = np.rint(np.ldexp([0.5, 0.25, -0.5], 9)).astype(np.int64)
        used = ADAM if optimizer == "adam" else AVERAGE
        plain = server_step(bare, Aggregate(2 * total, 2), 9, used, Server())
        assert np.array_equal(found.parameters[:3], plain.parameters)
        for (_, long), (_, short) in zip(found.slots, plain.slots, strict=True):
            assert np.array_equal(long[:3], short)
            assert not long[3:].any()
    assert measured(TENSORS) == 4
    assert measured(TENSORS[:2]) == 0


@pytest.mark.parametrize("loss", [8.5, math.inf, math.nan])
def test_a_loss_that_cannot_be_told_is_the_largest(loss: float) -> None:
    assert shared(loss, 0).tolist() == [LARGEST, UNIT, 0, 0]


def test_where_nobody_tells_a_loss_it_is_the_largest_and_a_number() -> None:
    step = np.rint(np.ldexp(np.concatenate([[0.5, 0.25, -0.5], shared(None, 9)]), 9))
    model = server_step(first(), Aggregate(step.astype(np.int64), 1), 9, AVERAGE, Server())
    assert model.parameters[3:].tolist() == [LARGEST, 0, LARGEST, 0]
    assert measured_loss(model) == LARGEST << 30


def told(*losses: float | None) -> NDArray[np.int16]:
    return np.stack([shared(one, 0) for one in losses]).astype(np.int16)


def mean_of(values: NDArray[np.int16], tolerate: int) -> float:
    total = borne(values, tolerate)
    assert total[2:].tolist() == [0, 0]
    return float(total[0] / total[1])


def test_losses_are_borne_without_the_least_and_the_greatest() -> None:
    honest = told(0.5, 0.75, 1.0, None)
    assert mean_of(honest, 0) == 0.75
    liars = np.array([[0, 1024, 0, 0], [32767, 1, 0, 0]], np.int16)
    assert mean_of(np.concatenate([honest, liars]), 1) == 0.75
    assert mean_of(np.concatenate([honest, liars]), 0) != 0.75


def test_what_is_no_loss_has_no_say() -> None:
    odd = np.array([[-3, 1024, 0, 0], [700, -1024, 0, 0], [5, 0, 0, 0]], np.int16)
    assert mean_of(np.concatenate([told(0.25, 0.5), odd]), 0) == 0.375


def test_of_few_losses_the_middle_ones_stay() -> None:
    assert mean_of(told(0.25, 0.5, 4.0), 3) == 0.5
    assert mean_of(told(0.25, 0.5), 3) == 0.375
    assert mean_of(told(0.25), 3) == 0.25
    assert borne(told(None, None), 1).tolist() == [0, 0, 0, 0]
