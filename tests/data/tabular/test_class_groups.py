"""Values of a target that count as one class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.tables import own_table
from collegium.data.tabular.preparation import encode_study_rows
from collegium.errors import DataError, StudyError
from collegium.study.canonical import document_bytes, study_from_document
from collegium.study.document import TableSource
from collegium.study.reading import read_study

DEGREES = '"died", groups = { ill = ["1", "2", "3", "4"] }'


def degrees(rows: int = 240) -> dict[str, list[object]]:
    """Return a table in which who died has a degree of 1 to 4, in the place of yes."""
    cells = trainers(rows)
    cells["died"] = [0 if one == "no" else 1 + at % 4 for at, one in enumerate(cells["died"])]
    return cells


def grouped(folder: Path, target: str, cells: dict[str, list[object]]) -> Prepared:
    """Return a study of a table whose target is written like that."""
    return prepare(read_study(write_study(folder, cells, STUDY.replace('"died"', target))))


def test_degrees_of_a_disease_are_learned_as_yes_and_no(tmp_path: Path) -> None:
    plain = prepare(read_study(write_study(tmp_path / "plain")))
    found = grouped(tmp_path / "grouped", DEGREES, degrees())
    assert found.table is not None
    assert found.table.agreement.classes == ("0", "ill")
    assert found.dataset.schema.positive == "died is ill"
    for name, rows in plain.train.items():
        np.testing.assert_array_equal(found.train[name].x, rows.x)
        np.testing.assert_array_equal(found.train[name].y, rows.y)
    with pytest.raises(DataError, match="5 different values") as refused:
        grouped(tmp_path / "apart", '"died"', degrees())
    assert "data.source.groups" in refused.value.todo


def test_words_are_grouped_whichever_class_they_are_written_in(tmp_path: Path) -> None:
    cells = degrees()
    words = ["home", "ward", "hospice", "died", "died at home"]
    cells["died"] = [words[int(str(one))] for one in cells["died"]]
    target = (
        '"died", groups = { dead = ["died", "died at home", "hospice"], alive = ["home", "ward"] }'
    )
    found = grouped(tmp_path, target, cells)
    assert found.table is not None
    assert found.table.agreement.classes == ("alive", "dead")
    assert sum(int(rows.y.sum()) for rows in found.train.values()) > 20


def test_several_groups_and_single_values_are_classes_in_order(tmp_path: Path) -> None:
    target = (
        '"died", task = "multiclass", classes = ["0", "mild", "severe"],'
        ' groups = { severe = ["3", "4"], mild = ["1.0", "2"] }'
    )
    text = STUDY.replace('"died"', target).replace("logistic", "multinomial")
    study = read_study(write_study(tmp_path, degrees(), text))
    rows = prepare(study).train.values()
    assert set(np.concatenate([one.y for one in rows]).tolist()) == {0, 1, 2}
    registered = document_bytes(study.study)
    assert study_from_document(registered) == study.study
    assert hash(study.study) == hash(study_from_document(registered))


def test_what_ended_a_survivals_time_is_grouped_too(tmp_path: Path) -> None:
    cells = degrees()
    cells["days"] = list(range(1, 241))
    target = '"days", event = "died", groups = { ill = ["1", "2", "3", "4"] }'
    text = STUDY.replace('"died"', target).replace("logistic", "cox")
    found = prepare(read_study(write_study(tmp_path, cells, text)))
    assert found.table is not None
    assert found.table.agreement.classes == ("0", "ill")


def test_a_value_that_no_row_has_is_told_and_a_group_of_such_refused(tmp_path: Path) -> None:
    found = grouped(tmp_path / "one", DEGREES.replace('"4"', '"4", "five"'), degrees())
    told = [one.text for one in found.notices if "data.source.groups" in one.text]
    assert told == ["data.source.groups names values of 'died' that no row has: 'five'"]
    with pytest.raises(DataError, match="no row has a value of the group 'ill'") as refused:
        grouped(tmp_path / "all", '"died", groups = { ill = ["one", "two"] }', degrees())
    assert refused.value.code == "data.classes"
    assert "found: 0, 1, 2, 3, 4" in refused.value.why


def test_a_member_whose_file_lacks_a_degree_groups_as_the_others(tmp_path: Path) -> None:
    cells = degrees()
    whole = grouped(tmp_path / "whole", DEGREES, cells)
    assert whole.table is not None
    source = whole.study.data.source
    assert isinstance(source, TableSource)
    own = [at for at, one in enumerate(cells["hospital"]) if one == "va" and cells["died"][at] != 4]
    few = {name: [column[at] for at in own] for name, column in cells.items() if name != "hospital"}
    write_study(tmp_path / "va", few)
    rows = own_table(source, whole.study, tmp_path / "va" / "cohort.csv", "va").train
    assert set(encode_study_rows(whole.table.agreement, rows, "va").y.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("target", "architecture", "what"),
    [
        ('"age [years]", groups = { old = ["90"] }', "linear", "no classes to group"),
        ('"died", groups = {}', "logistic", "a group without a name or without values"),
        ('"died", groups = { ill = [] }', "logistic", "a group without a name or without values"),
        ('"died", groups = { ill = ["1"], worse = ["1"] }', "logistic", "in more than one group"),
        ('"died", groups = { ill = ["1"], worse = ["ill"] }', "logistic", "in more than one group"),
        ('"died", classes = ["0", "1"], groups = { ill = ["1"] }', "logistic", "part of a group"),
        ('"died", groups = { ill = "1" }', "logistic", "must be a list, not text"),
    ],
)
def test_groups_that_say_nothing_or_two_things_are_refused(
    tmp_path: Path, target: str, architecture: str, what: str
) -> None:
    text = STUDY.replace('"died"', target).replace("logistic", architecture)
    with pytest.raises(StudyError, match=what):
        read_study(write_study(tmp_path, degrees(), text))
