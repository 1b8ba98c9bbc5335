"""What sites do in a round: which parts go together, and what is said of those that do."""

from __future__ import annotations

import pytest

from collegium.errors import StudyError
from collegium.study.reading import read_study

SCAFFOLD = "training.algorithm=scaffold"
EQUAL = "aggregation.weights=equal"
NOVA = "training.algorithm=fednova"
PRIVATE = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"
STOPPING = "training.early_stopping={patience=3}"
MLP = ("model.architecture=mlp", "model.hidden=[4]")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([SCAFFOLD], "aggregation.weights = 'equal'"),
        ([SCAFFOLD, EQUAL, "aggregation.rule=median"], "aggregation.rule = 'fedavg'"),
        ([NOVA, "aggregation.rule=krum"], "aggregation.rule = 'fedavg'"),
        ([NOVA, "aggregation.server.optimizer=adam"], "training.algorithm = 'fedavg'"),
        (["aggregation.server.optimizer=scaffold"], "training.algorithm = 'scaffold'"),
        ([SCAFFOLD, EQUAL, "training.momentum=0.9"], "training.momentum = 0.0"),
        ([SCAFFOLD, EQUAL, "training.fedprox_mu=0.1"], "training.fedprox_mu = 0.0"),
        ([NOVA, "training.momentum=0.9", "training.fedprox_mu=0.1"], "training.momentum = 0.0"),
        ([NOVA, "training.site_momentum=0.9"], "remove site_momentum"),
        ([NOVA, "personalization.method=fedper"], "personalization.method = 'ditto'"),
        (["personalization.method=ditto"], "add strength = 0.1"),
        (["personalization.method=ditto", "personalization.layers=1"], "remove layers"),
        (["personalization.method=fedper", "personalization.strength=1.0"], "remove strength"),
        (["personalization.method=fedbn", "personalization.epochs=1"], "remove epochs"),
        ([PRIVATE, SCAFFOLD, EQUAL], "or privacy.differential_privacy"),
        ([PRIVATE, "personalization.method=fine_tuning"], "or privacy.differential_privacy"),
        ([PRIVATE, STOPPING], "or privacy.differential_privacy"),
        (["training.schedule={kind='cosine', warmup=100}"], "choose at most 99"),
        (["training.schedule={kind='cosine', every=2}"], "choose kind = 'step'"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_would(
    changes: list[str], told: str
) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", ["training.rounds=100", *changes])
    assert caught.value.code == "study.combination"
    assert told in caught.value.todo


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("training.algorithm=skaffold", "'scaffold'"),
        ("training.participation=cycles", "'cyclic'"),
        ("personalization.method=dito", "'ditto'"),
        ("training.schedule={kind='cosinus'}", "'cosine'"),
        ("personalization.layer=2", "'layers'"),
    ],
)
def test_a_misspelling_is_answered_with_the_nearest_choice(change: str, told: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", ["personalization.method=fedper", change])
    assert told in caught.value.todo


@pytest.mark.parametrize(
    "changes",
    [
        [SCAFFOLD, EQUAL, "training.schedule={kind='step', every=5}"],
        [SCAFFOLD, EQUAL, "personalization.method=ditto", "personalization.strength=0.1"],
        [NOVA, "training.momentum=0.9", "personalization.method=fine_tuning"],
        ["aggregation.rule=median", "personalization.method=fedper", *MLP],
        [STOPPING, "aggregation.rule=median", "training.site_momentum=0.9"],
    ],
)
def test_what_goes_together_is_accepted(changes: list[str]) -> None:
    read_study("heart", changes)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ([SCAFFOLD, EQUAL], {"study.control-variates"}),
        ([SCAFFOLD, EQUAL, "study.attendance=all"], set()),
        (
            [SCAFFOLD, EQUAL, "study.attendance=all", "training.client_fraction=0.5"],
            {"study.seldom-drawn"},
        ),
        (["training.participation=cyclic"], {"study.no-turns"}),
        (["training.participation=cyclic", "training.client_fraction=0.5"], set()),
        (["personalization.method=fine_tuning"], {"study.personal-models"}),
    ],
)
def test_the_owner_is_told_what_to_know(changes: list[str], codes: set[str]) -> None:
    told = {one.code for one in read_study("heart", changes).notices}
    ours = {
        "study.control-variates", "study.seldom-drawn", "study.no-turns", "study.personal-models",
    }  # fmt: skip
    assert told & ours == codes
