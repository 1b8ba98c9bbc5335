"""Which model a study means for the data that it has: what its target asks for, and what fits."""

from __future__ import annotations

from collegium.data.table import Schema, Task, exposure_input, input_names
from collegium.errors import StudyError
from collegium.learning.models import Loss, ModelSpec
from collegium.learning.networks.named import network_of
from collegium.study.document import Architecture, Model
from collegium.study.networks import TRAINERS

_MAX_LAYERS = 10

_OF_NETWORKS: frozenset[Loss] = frozenset({"logistic", "multinomial", "squared", "poisson"})
"""Losses of networks that are no layers: sums over rows."""

_NATURAL: dict[Task, tuple[Architecture, Loss]] = {
    "binary": ("logistic", "logistic"),
    "multiclass": ("multinomial", "multinomial"),
    "ordinal": ("ordinal", "ordinal"),
    "regression": ("linear", "squared"),
    "count": ("poisson", "poisson"),
    "survival": ("cox", "cox"),
    "segmentation": ("unet", "overlap"),
}
"""Each task's architecture without hidden layers, and its loss, which an mlp has too."""

_TARGETS: dict[Task, str] = {
    "binary": "one of two classes",
    "multiclass": "one of several classes",
    "ordinal": "one of several classes in order",
    "regression": "a number",
    "count": "a count",
    "survival": "the time of an event",
    "segmentation": "which pixels of an image belong to something",
}


def model_spec(model: Model, schema: Schema) -> ModelSpec:
    """Return the model that a study's ``[model]`` means for data of a schema.

    Raises:
        StudyError: the architecture does not fit the target, or its layers are impossible.
    """
    natural, loss = _NATURAL[schema.task]
    fitting = [natural] if schema.task == "segmentation" else [natural, "mlp"]
    if loss in _OF_NETWORKS and exposure_input(schema) is None:
        fitting += ["cnn", "own"]
    if schema.task in ("binary", "ordinal"):
        fitting.insert(1, "multinomial")
    if schema.task == "binary":
        fitting.append("autoencoder")
    if model.architecture not in fitting:
        raise StudyError(
            "model.target",
            f"a {model.architecture} model cannot predict {_TARGETS[schema.task]}",
            f"{schema.target!r} is {_TARGETS[schema.task]}",
            f"choose model.architecture = {' or '.join(map(repr, fitting))}",
        )
    if model.architecture == "multinomial":
        loss = "multinomial"
    offset = exposure_input(schema)
    inputs = len(input_names(schema)) - (offset is not None)
    outputs = {"multinomial": len(schema.classes), "overlap": inputs}.get(loss, 1)
    if model.architecture in TRAINERS:
        return ModelSpec(
            (inputs, outputs), loss, model.l2, network=network_of(model, inputs, outputs)
        )
    if bool(model.hidden) != (model.architecture == "mlp"):
        raise StudyError(
            "model.hidden",
            f"model.hidden = {list(model.hidden)} does not fit {model.architecture}",
            "an mlp has hidden layers and the other architectures have none",
            "set model.hidden to the widths of an mlp's hidden layers, or leave it out",
        )
    widths = (inputs, *model.hidden, outputs)
    if min(widths) < 1 or len(widths) > _MAX_LAYERS + 1:
        raise StudyError(
            "model.layers",
            f"a model of widths {list(widths)} is impossible",
            f"every width is at least 1, and there are at most {_MAX_LAYERS} layers",
            "change model.hidden",
        )
    gaps = len(schema.classes) - 2 if loss == "ordinal" else 0
    return ModelSpec(widths, loss, model.l2, gaps, offset)
