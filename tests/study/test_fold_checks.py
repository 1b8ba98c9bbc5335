"""Folds of a study: a fold is one of those there are, and they need everybody's rows."""

from __future__ import annotations

import pytest

from collegium.errors import StudyError
from collegium.study.fold_checks import folds_of, of_fold
from collegium.study.reading import read_study

PRIVATE = [
    'privacy.differential_privacy={unit="patient", epsilon=8.0, delta=1e-5, clip=0.5}',
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        (["evaluation.fold=1"], "study.combination", "no folds"),
        (["evaluation.folds=5", "evaluation.fold=6"], "study.combination", "folds is 5"),
        (["evaluation.folds=1", "evaluation.fold=1"], "study.combination", "no folds"),
        (["evaluation.folds=0"], "study.range", "at least 1"),
        (["evaluation.folds=5", "consensus.engine=log"], "study.combination", "own"),
        ([*PRIVATE, "evaluation.folds=5"], "study.combination", "spend"),
        (["evaluation.folds=five"], "study.wrong-type", ""),
    ],
)
def test_impossible_folds_are_refused(changes: list[str], code: str, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", changes)
    assert caught.value.code == code
    assert says in caught.value.why


def test_a_fold_is_the_same_study_with_another_test_part() -> None:
    study = read_study("heart", ["evaluation.folds=5"]).study
    second = of_fold(study, 2)
    assert (second.evaluation.folds, second.evaluation.fold) == (5, 2)
    assert of_fold(second, 1) == of_fold(study, 1)
    assert second.training == study.training


def test_one_fold_is_no_folds() -> None:
    study = read_study("eicu", ["evaluation.folds=1", "consensus.engine=log"]).study
    assert folds_of(study) is None
    assert folds_of(read_study("eicu").study) == 5
    assert folds_of(read_study("heart").study) is None
