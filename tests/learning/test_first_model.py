"""A first model is the document's to the bit, or another one, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from collegium.assembly.ownership import first_model
from collegium.assembly.preparation import prepare
from collegium.errors import CollegiumError
from collegium.learning.first_model import NO_INPUTS, Float32, first_model_is
from collegium.study.reading import read_study

STUDIES = (
    ("heart", ()),
    ("heart", ("model.architecture=mlp", "model.hidden=[7, 3]")),
    ("heart", ("training.algorithm=scaffold",)),
    ("heart", ("training.early_stopping={ patience = 3, validation = 0.2 }",)),
    ("heart", ("aggregation.server={ optimizer = 'adam', learning_rate = 0.1, tau = 0.5 }",)),
    ("anomalies", ()),
    ("lungs_cnn", ()),
    ("phantoms", ()),
)


@pytest.mark.parametrize(("name", "changes"), STUDIES)
def test_what_the_seed_gives_is_told_from_everything_else(
    name: str, changes: tuple[str, ...]
) -> None:
    try:
        parts = prepare(read_study(name, changes)).parts
    except CollegiumError as error:
        pytest.skip(f"no such data here: {error}")
    study, model = parts.study, first_model(parts)
    assert first_model_is(study, parts.server, model, begun=True) == "documented"
    for place in (0, model.parameters.size - 1):
        changed = model.parameters.copy()
        changed[place] = np.nextafter(changed[place], np.float32(9))
        other = replace(model, parameters=changed)
        assert first_model_is(study, parts.server, other, begun=True) == "other"
    assert first_model_is(study, parts.server, replace(model, step=1), begun=True) == "other"
    slots = tuple((key, slot + 1.0) for key, slot in model.slots)
    if slots:
        remembering = replace(model, slots=slots)
        assert first_model_is(study, parts.server, remembering, begun=True) == "other"
    if study.model.hidden:
        narrower = read_study(name, (*changes, f"model.hidden={[6, *study.model.hidden[1:]]}"))
        assert first_model_is(narrower.study, parts.server, model, begun=True) == "other"


def test_a_table_without_columns_yet_is_registered_with_nothing() -> None:
    parts = prepare(read_study("heart")).parts
    model = first_model(parts)
    table = read_study(
        "heart", ["data.source={ table = 'a.csv', target = 'died', site = 'hospital' }"]
    ).study
    nothing = replace(model, tensors=NO_INPUTS, parameters=np.zeros(1, np.float32), slots=())
    assert first_model_is(table, parts.server, nothing, begun=False) == "documented"
    something = replace(nothing, parameters=np.ones(1, np.float32))
    assert first_model_is(table, parts.server, something, begun=False) == "other"
    assert first_model_is(table, parts.server, model, begun=False) == "other"


def test_only_running_own_code_tells_what_it_begins_with() -> None:
    parts = prepare(read_study("heart")).parts
    model, digest = first_model(parts), "a" * 64
    own = [
        "model.architecture=own", "model.code=mynet", f"model.code_digest={digest}",
        "training.trainer=jax",
    ]  # fmt: skip
    study = read_study("heart", own).study
    assert first_model_is(study, parts.server, model, begun=True) == "unknown"

    def runs(by: float) -> Callable[[], Float32]:
        return lambda: model.parameters + np.float32(by)

    same = first_model_is(study, parts.server, model, begun=True, own=runs(0.0))
    another = first_model_is(study, parts.server, model, begun=True, own=runs(1.0))
    assert (same, another) == ("documented", "other")
