"""Dense models: which one a study means, where it starts, what it predicts."""

import hashlib

import numpy as np
import pytest

from collegium.data.table import Feature, Schema, Task
from collegium.errors import StudyError
from collegium.learning.blobs import TensorSpec
from collegium.learning.models import (
    ModelSpec,
    initial_parameters,
    layers,
    losses,
    model_spec,
    predict,
    size,
    tensors,
)
from collegium.study.document import Model

MLP = ModelSpec((3, 4, 2), "multinomial", 0.0)


FEATURES = tuple(Feature(f"x{n}", f"column {n}", "numeric") for n in range(5))


def schema(task: Task, classes: int = 0) -> Schema:
    event = "died" if task == "survival" else ""
    return Schema(FEATURES, "y", task, tuple(f"class {n}" for n in range(classes)), event=event)


@pytest.mark.parametrize(
    ("model", "data", "widths", "loss"),
    [
        (Model(architecture="logistic"), schema("binary", 2), (5, 1), "logistic"),
        (Model(architecture="multinomial"), schema("binary", 2), (5, 2), "multinomial"),
        (Model(architecture="multinomial"), schema("multiclass", 6), (5, 6), "multinomial"),
        (Model(architecture="multinomial"), schema("ordinal", 4), (5, 4), "multinomial"),
        (Model(architecture="ordinal"), schema("ordinal", 4), (5, 1), "ordinal"),
        (Model(architecture="linear"), schema("regression"), (5, 1), "squared"),
        (Model(architecture="poisson"), schema("count"), (5, 1), "poisson"),
        (Model(architecture="cox"), schema("survival"), (5, 1), "cox"),
        (Model(architecture="mlp", hidden=(8, 3)), schema("binary", 2), (5, 8, 3, 1), "logistic"),
        (Model(architecture="mlp", hidden=(8,)), schema("multiclass", 6), (5, 8, 6), "multinomial"),
        (Model(architecture="mlp", hidden=(8,)), schema("ordinal", 3), (5, 8, 1), "ordinal"),
        (Model(architecture="mlp", hidden=(8,)), schema("regression"), (5, 8, 1), "squared"),
        (Model(architecture="mlp", hidden=(8,)), schema("count"), (5, 8, 1), "poisson"),
        (Model(architecture="mlp", hidden=(8,)), schema("survival"), (5, 8, 1), "cox"),
    ],
)
def test_architecture_and_target_decide_the_layers(
    model: Model, data: Schema, widths: tuple[int, ...], loss: str
) -> None:
    spec = model_spec(model, data)
    assert (spec.widths, spec.loss, spec.offset) == (widths, loss, None)
    assert spec.gaps == (len(data.classes) - 2 if loss == "ordinal" else 0)


def test_an_exposure_is_no_input_of_the_layers() -> None:
    exposed = Schema(
        (FEATURES[0], Feature("days", "days", "exposure"), FEATURES[1]), "falls", "count"
    )
    spec = model_spec(Model(architecture="poisson"), exposed)
    assert (spec.widths, spec.offset) == ((2, 1), 1)
    x = np.array([[1.0, np.log(3.0), 2.0]], np.float32)
    beta = np.array([0.5, 0.25, -0.125], np.float32)
    assert predict(spec, beta, x)[0, 0] == pytest.approx(3 * np.exp(0.5), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "data", "code", "told"),
    [
        (Model(architecture="logistic"), schema("multiclass", 3), "model.target", "'multinomial'"),
        (Model(architecture="logistic"), schema("regression"), "model.target", "'linear'"),
        (Model(architecture="multinomial"), schema("regression"), "model.target", "'linear'"),
        (Model(architecture="linear"), schema("binary", 2), "model.target", "'logistic'"),
        (Model(architecture="linear"), schema("count"), "model.target", "'poisson'"),
        (Model(architecture="logistic"), schema("survival"), "model.target", "'cox'"),
        (Model(architecture="cox"), schema("binary", 2), "model.target", "'logistic'"),
        (Model(architecture="poisson"), schema("survival"), "model.target", "'cox'"),
        (Model(architecture="ordinal"), schema("multiclass", 4), "model.target", "'multinomial'"),
        (Model(architecture="mlp"), schema("binary", 2), "model.hidden", "mlp"),
        (Model(architecture="logistic", hidden=(3,)), schema("binary", 2), "model.hidden", "mlp"),
        (Model(architecture="mlp", hidden=(0,)), schema("binary", 2), "model.layers", "hidden"),
        (Model(architecture="mlp", hidden=(4,) * 10), schema("binary", 2), "model.layers", ""),
    ],
)
def test_impossible_models_are_refused_with_what_would_fit(
    model: Model, data: Schema, code: str, told: str
) -> None:
    with pytest.raises(StudyError) as caught:
        model_spec(model, data)
    assert caught.value.code == code
    assert told in caught.value.todo


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
