"""Dense models: what their parameters are, where they start, what they predict."""

import hashlib

import numpy as np
import pytest

from collegium.learning.blobs import TensorSpec
from collegium.learning.models import (
    ModelSpec,
    initial_parameters,
    layers,
    losses,
    predict,
    size,
    tensors,
)

MLP = ModelSpec((3, 4, 2), "multinomial", 0.0)


def test_tensors_are_sorted_and_fill_the_flat_vector() -> None:
    deep = ModelSpec((3, *[2] * 9, 1), "logistic", 0.0)
    for spec in (MLP, deep):
        names = [tensor.name for tensor in tensors(spec)]
        assert names == sorted(names)
        assert sum(tensor.size for tensor in tensors(spec)) == size(spec)
    assert tensors(MLP) == (
        TensorSpec("layer0.bias", (4,)),
        TensorSpec("layer0.weight", (3, 4)),
        TensorSpec("layer1.bias", (2,)),
        TensorSpec("layer1.weight", (4, 2)),
    )


def test_layers_are_views_whose_first_row_is_the_bias() -> None:
    flat = np.arange(2 * size(MLP), dtype=np.float32).reshape(2, -1)
    first, second = layers(MLP, flat)
    assert (first.shape, second.shape) == ((2, 4, 4), (2, 5, 2))
    assert first[0, 0].tolist() == [0, 1, 2, 3]
    assert second[1, 1].tolist() == [26 + 18, 26 + 19]
    assert np.shares_memory(first, flat)
    assert np.shares_memory(second, flat)


def test_convex_models_start_at_zero() -> None:
    assert not initial_parameters(ModelSpec((9, 1), "logistic", 0.0), 3).any()


def test_networks_start_from_the_seed_alone() -> None:
    spec = ModelSpec((300, 50, 2), "multinomial", 0.0)
    start = initial_parameters(spec, 7)
    assert hashlib.sha256(start.astype("<f4").tobytes()).hexdigest()[:16] == "1936f73e175dc1c2"
    assert (start != initial_parameters(spec, 8)).any()
    for matrix, inputs in zip(layers(spec, start), (300, 50), strict=True):
        assert not matrix[0].any()
        limit = (6 / inputs) ** 0.5
        assert limit * 0.98 < np.abs(matrix[1:]).max() <= limit
        # The variance of He initialization: 2 / inputs.
        assert matrix[1:].var() == pytest.approx(2 / inputs, rel=0.25)


def _by_hand(parameters: np.ndarray, row: list[float]) -> list[float]:
    hidden = [
        max(0.0, parameters[j] + sum(row[i] * parameters[4 + 4 * i + j] for i in range(3)))
        for j in range(4)
    ]
    return [
        parameters[16 + j] + sum(hidden[i] * parameters[18 + 2 * i + j] for i in range(4))
        for j in range(2)
    ]


def test_predictions_are_what_the_formulas_say() -> None:
    parameters = np.random.default_rng(1).standard_normal(size(MLP)).astype(np.float32)
    x = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]], np.float32)
    first, second = zip(*(_by_hand(parameters.astype(float), list(row)) for row in x), strict=True)
    odds = np.exp(np.subtract(second, first))
    assert predict(MLP, parameters, x)[:, 1] == pytest.approx(odds / (1 + odds))
    assert predict(MLP, parameters, x).sum(axis=1) == pytest.approx([1.0, 1.0])
    assert losses(MLP, parameters, x, np.array([0, 1])) == pytest.approx(
        [np.log1p(odds[0]), np.log1p(1 / odds[1])]
    )
    linear = ModelSpec((3, 1), "squared", 0.0)
    beta = np.array([0.5, 1, 2, 3], np.float32)
    assert predict(linear, beta, x).tolist() == [[-1.0], [11.5]]
    assert losses(linear, beta, x, np.array([1.0, 11.5])).tolist() == [2.0, 0.0]
    logistic = ModelSpec((3, 1), "logistic", 0.0)
    assert predict(logistic, beta, x)[:, 0] == pytest.approx(
        [1 / (1 + np.exp(1.0)), 1 / (1 + np.exp(-11.5))]
    )
    assert losses(logistic, beta, x, np.array([0, 1])) == pytest.approx(
        [np.log1p(np.exp(-1.0)), np.log1p(np.exp(-11.5))]
    )


@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
def test_extreme_values_neither_overflow_nor_warn(loss: str) -> None:
    spec = (
        ModelSpec((1, 1), "logistic", 0.0)
        if loss == "logistic"
        else ModelSpec((1, 2), "multinomial", 0.0)
    )
    x = np.array([[-1e6], [1e6]], np.float32)
    parameters = np.array([0, 1] if loss == "logistic" else [0, 0, -1, 1], np.float32)
    scores = predict(spec, parameters, x)[:, -1]
    assert scores.tolist() == [0.0, 1.0]
    wrong = losses(spec, parameters, x, np.array([1, 0]))
    assert wrong.tolist() == ([1e6, 1e6] if loss == "logistic" else [2e6, 2e6])
