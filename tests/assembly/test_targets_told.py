"""A target that is not what the model predicts is told as what it is, with the model that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import prepare
from collegium.errors import DataError
from collegium.study.reading import read_study


def study(folder: Path, architecture: str, died: list[object]) -> Path:
    """Write a study of a table with that target."""
    text = STUDY.replace('"logistic"', f'"{architecture}"')
    return write_study(folder, {**trainers(len(died)), "died": died}, text)


def test_a_count_with_fractions_is_the_tables_mistake_and_no_loaders(tmp_path: Path) -> None:
    died: list[object] = [2.5 if at == 7 else at % 4 for at in range(240)]
    with pytest.raises(DataError) as caught:
        prepare(read_study(study(tmp_path, "poisson", died)))
    assert caught.value.code == "data.value"
    assert "'died' has values that are no counts, such as 2.5" in caught.value.what
    assert caught.value.why.endswith("row 8")
    assert "'linear'" in caught.value.todo


def test_words_of_yes_and_no_are_no_number(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepare(read_study(study(tmp_path, "linear", trainers()["died"])))
    assert caught.value.code == "data.not-a-number"
    assert caught.value.why == "found: no, yes"
    assert "model.architecture = 'logistic'" in caught.value.todo


def test_numbers_of_yes_and_no_are_noted(tmp_path: Path) -> None:
    for name, most, noted in (("two", 2, True), ("three", 3, False)):
        path = study(tmp_path / name, "linear", [at % most for at in range(240)])
        found = {one.code: one.text for one in prepare(read_study(path)).notices}
        assert ("study.two-answers" in found) == noted
        assert "'logistic'" in found.get("study.two-answers", "'logistic'")
