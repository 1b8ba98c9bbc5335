"""What a model looks at: a weight that is 0 costs nothing, a weight that decides costs all."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.subgroups import input_columns
from collegium.learning.models import size
from collegium.measuring.explaining import explain
from collegium.measuring.grouping import quality_by_subgroup
from collegium.measuring.quality import scores_of
from collegium.report.measurements import Explanation
from collegium.study.reading import read_study

GROUPS = 'evaluation.subgroups=["sex", "age>=60", "restecg"]'


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(read_study("heart", [GROUPS, "evaluation.bootstrap=100"]))


def parameters(prepared: Prepared, **weights: float) -> np.ndarray:
    """A logistic model with these weights, by feature, and 0 elsewhere."""
    flat = np.zeros(size(prepared.parts.spec), np.float32)
    for name, weight in weights.items():
        for column in input_columns(prepared.dataset.schema)[name]:
            flat[1 + column] = weight
    return flat


def explained(prepared: Prepared, **weights: float) -> Explanation:
    return explain(prepared, lambda _: parameters(prepared, **weights))


def test_only_what_the_model_uses_is_important(prepared: Prepared) -> None:
    found = explained(prepared, oldpeak=2.0)
    first, *others = found.features
    assert first.feature == "oldpeak"
    assert first.drop is not None
    assert first.drop > 0.1
    assert all(one.drop == 0 and set(one.loss.values()) == {0.0} for one in others)
    assert {one.feature for one in found.features} == set(input_columns(prepared.dataset.schema))


def test_the_same_model_is_explained_alike_twice(prepared: Prepared) -> None:
    model = parameters(prepared, oldpeak=1.0, cp=-0.5, age=0.3)
    assert explain(prepared, lambda _: model) == explain(prepared, lambda _: model)


def test_the_mean_effect_is_that_of_the_weights(prepared: Prepared) -> None:
    """With one weight, setting the feature leaves one risk for all: the logistic of it."""
    found = {one.feature: one for one in explained(prepared, age=0.7).features}
    values, means = zip(*found["age"].effect, strict=True)
    assert values[0] == "35"
    assert values[-1] == "75"
    steps = np.linspace(-2, 2, 9)
    assert means == pytest.approx(1 / (1 + np.exp(-0.7 * steps)), abs=1e-6)
    assert len({mean for _, mean in found["sex"].effect}) == 1


def test_shuffling_stays_within_a_site(prepared: Prepared) -> None:
    """Every patient of Zurich and Basel has the cholesterol 0: a shuffle there changes nothing."""
    found = {one.feature: one for one in explained(prepared, chol=1.0).features}
    assert found["chol"].loss["switzerland"] == 0
    assert found["chol"].loss["cleveland"] != 0


def test_subgroups_part_the_test_rows(prepared: Prepared) -> None:
    model = parameters(prepared, oldpeak=2.0)
    groups = quality_by_subgroup(prepared, scores_of(prepared, lambda _: model))
    rows = sum(len(one.y) for one in prepared.test.values())
    by_feature: dict[str, int] = {}
    for one in groups:
        by_feature[one.feature] = by_feature.get(one.feature, 0) + (one.rows or 0)
    assert by_feature == {"sex": rows, "age": rows, "restecg": rows}
    correct = sum(
        (one.overall["accuracy"] or 0) * (one.rows or 0) for one in groups if one.feature == "sex"
    )
    assert correct == pytest.approx(round(correct))


def test_of_a_small_group_and_what_is_left_beside_it_nothing_is_told() -> None:
    one = prepare(read_study("heart", ['evaluation.subgroups=["age>=76"]', "training.rounds=1"]))
    model = parameters(one, oldpeak=2.0)
    for found in quality_by_subgroup(one, scores_of(one, lambda _: model)):
        assert (found.rows, found.overall, found.intervals) == (None, {}, {})


def test_a_second_cut_that_tells_of_those_between_two_is_withheld() -> None:
    asked = 'evaluation.subgroups=["age>=60", "age>=61", "age>=50"]'
    one = prepare(read_study("heart", [asked, "training.rounds=1"]))
    found = quality_by_subgroup(one, scores_of(one, lambda _: parameters(one, oldpeak=2.0)))
    told = [group.rows is not None for group in found]
    assert told == [True, True, False, False, True, True]


def test_a_study_that_names_none_has_none(prepared: Prepared) -> None:
    plain = prepare(read_study("heart"))
    assert quality_by_subgroup(plain, scores_of(plain, lambda _: parameters(plain))) == ()
    assert quality_by_subgroup(prepared, None) == ()
