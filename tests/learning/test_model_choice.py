"""Which model a study means: its architecture, its target and the inputs decide."""

import numpy as np
import pytest

from collegium.data.table import Feature, Schema, Task
from collegium.errors import StudyError
from collegium.learning.model_choice import model_spec
from collegium.learning.models import predict
from collegium.study.document import Model

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
