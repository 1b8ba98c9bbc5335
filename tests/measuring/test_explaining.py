"""What a model looks at: a weight that is 0 costs nothing, a weight that decides costs all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.subgroups import input_columns
from collegium.data.table import Feature, Schema, SiteRows, input_names
from collegium.learning.models import size
from collegium.measuring.explaining import explain
from collegium.measuring.features import model_features
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
    ages = together(prepared, "age") * 10 + 55
    assert float(values[0]) == pytest.approx(np.quantile(ages, 0.05, method="inverted_cdf"))
    assert float(values[-1]) == pytest.approx(np.quantile(ages, 0.95, method="inverted_cdf"))
    assert set(map(float, values)) <= set(np.round(ages).tolist()), "somebody is of that age"
    steps = (np.array(list(map(float, values))) - 55) / 10
    assert means == pytest.approx(1 / (1 + np.exp(-0.7 * steps)), abs=1e-6)
    assert found["age"].unit == "years"
    assert len({mean for _, mean in found["sex"].effect}) == 1


def together(prepared: Prepared, feature: str) -> np.ndarray:
    """A feature's input over all test rows."""
    [column] = input_columns(prepared.dataset.schema)[feature]
    return np.concatenate([rows.x[:, column] for rows in prepared.test.values()])


def test_values_have_names_and_are_those_of_five_rows_or_more(prepared: Prepared) -> None:
    found = {one.feature: one for one in explained(prepared, age=0.7).features}
    assert found["sex"].title == "sex"
    assert [name for name, _ in found["sex"].effect] == ["female", "male"]
    pains = {one.name: one for one in prepared.dataset.schema.features}["cp"].categories
    assert [name for name, _ in found["cp"].effect] == [one.title for one in pains]


def test_flags_of_one_column_are_one_feature() -> None:
    schema = Schema(
        (
            Feature("stage_i", "stage i", "binary"), Feature("stage_ii", "stage ii", "binary"),
            Feature("was_ill", "was ill", "binary"), Feature("was_old", "was old", "binary"),
        ),
        "died", "binary", ("no", "yes"),
    )  # fmt: skip
    random = np.random.default_rng(1)
    stage = np.eye(3, dtype=np.float32)[random.integers(0, 3, 80)][:, 1:]
    both = random.integers(0, 2, (80, 2)).astype(np.float32)
    x = np.concatenate([stage, both], axis=1)
    rows = SiteRows("a", x, random.integers(0, 2, 80), np.arange(80))
    heart = prepare(read_study("heart"))
    dataset = replace(heart.dataset, schema=schema)
    one = replace(
        heart, parts=replace(heart.parts, dataset=dataset), train={"a": rows}, test={"a": rows}
    )
    found = {each.name: each for each in model_features(one)}
    assert set(found) == {"stage", "was_ill", "was_old"}, "somebody was both ill and old"
    assert found["stage"].columns == (0, 1)
    values = [(name, inputs.tolist()) for name, inputs in found["stage"].settings]
    assert values == [("none of these", [0, 0]), ("i", [1, 0]), ("ii", [0, 1])]


TABLE = """hospital,stay,ward,born,died
{rows}"""


def test_a_column_of_a_table_is_one_feature_with_all_its_inputs(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = []
    for number in range(400):
        ward = ("surgery", "heart", "lung", "")[random.integers(0, 4)]
        stay = "" if number % 7 == 0 else str(random.integers(1, 40))
        born = f"19{random.integers(30, 99)}-0{random.integers(1, 9)}-1{random.integers(0, 9)}"
        died = "yes" if random.random() < (0.6 if ward == "heart" else 0.3) else "no"
        rows.append(f"{'ab'[number % 2]},{stay},{ward},{born},{died}")
    (tmp_path / "stays.csv").write_text(TABLE.format(rows="\n".join(rows)))
    (tmp_path / "study.toml").write_text(DOCUMENT)
    prepared = prepare(read_study(tmp_path / "study.toml"))
    model = np.zeros(size(prepared.parts.spec), np.float32)
    names = input_names(prepared.dataset.schema)
    model[1 + names.index("ward=lung")] = 1.0
    found = {one.feature: one for one in explain(prepared, lambda _: model).features}
    assert set(found) == {"stay", "ward", "born"}
    assert dict(found["ward"].effect) == pytest.approx(
        {"heart": 0.5, "lung": 1 / (1 + np.exp(-1)), "surgery": 0.5, "missing": 0.5}
    )
    stays = {rest.split(",")[1] for rest in rows}
    assert {value for value, _ in found["stay"].effect} <= stays
    assert all(value[4:5] == "-" and value[:2] == "19" for value, _ in found["born"].effect)
    assert found["ward"].loss != {"a": 0.0, "b": 0.0}, "all its inputs are shuffled together"


DOCUMENT = """
[study]
id = "stays"
title = "Stays"
question = "Who dies?"
seed = 1
[data]
source = { table = "stays.csv", target = "died", site = "hospital" }
[model]
architecture = "logistic"
[training]
rounds = 1
learning_rate = 0.1
"""


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


def test_a_study_that_asks_for_nothing_has_none(prepared: Prepared) -> None:
    plain = prepare(read_study("heart", ["evaluation.subgroups=[]"]))
    assert quality_by_subgroup(plain, scores_of(plain, lambda _: parameters(plain))) == ()
    assert quality_by_subgroup(prepared, None) == ()
