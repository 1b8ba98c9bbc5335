"""Described tables of every kind of target: inputs and targets by hand, training, predicting.

A site's odd cells are told by column and row, and never by what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.cases import some_of
from tests.data.tabular.cohorts import trainers, write_study, write_table
from tests.simulation.test_tables import applied

from collegium.assembly.tables import own_table
from collegium.audit.verify import verify
from collegium.data.tabular.described_columns import described_preparation
from collegium.data.tabular.preparation import encode_study_rows
from collegium.errors import DataError
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.document import TableSource
from collegium.study.reading import read_study

HEAD = """[study]
id = "cohort"
title = "A table of four hospitals"
question = "What becomes of whom"
seed = 43

[data]
source = { table = "cohort.csv", site = "hospital", SOURCE }

[model]
architecture = "MODEL"

[training]
rounds = 2
learning_rate = 0.1

[evaluation]
bootstrap = 0

[data.columns.age]
range = [40, 80]
typical = 60
spread = 20
unit = "years"

[data.columns.sex]
categories = ["f", "m"]

[data.columns.admitted]
dates = ["2024-01-01", "2024-10-31"]
missing = true
"""
PRIVATE = '[privacy]\ndifferential_privacy = { unit = "record", epsilon = 8.0, delta = 1e-5 }\n'
FINE = "[data.columns.lactate]\nrange = [0, 4]\ntypical = 2\nspread = 0.5\n"
YEARS = "[data.columns.years]\nrange = [0.5, 4]\n"
TARGETS = {
    "logistic": ('target = "died", classes = ["no", "yes"]', PRIVATE),
    "multinomial": ('target = "ward", classes = ["W0", "W1", "W2"]', PRIVATE),
    "ordinal": ('target = "grade", classes = ["1", "2", "3"]', PRIVATE),
    "linear": ('target = "lactate"', FINE + PRIVATE),
    "poisson": (
        'target = "visits", exposure = "years"',
        YEARS + "[data.columns.visits]\nrange = [0, 2]\n" + PRIVATE,
    ),
    "cox": (
        'target = "days", event = "died", classes = ["no", "yes"]',
        "[data.columns.days]\nrange = [0, 200]\n",
    ),
}


def cells_of() -> dict[str, list[object]]:
    """A table with a target of every kind, and years over which visits were counted."""
    cells = trainers()
    rows = range(len(cells["mrn"]))
    cells["ward"] = [f"W{number % 4}" for number in rows]
    cells["grade"] = [1 + number % 3 for number in rows]
    cells["visits"] = [number % 4 for number in rows]
    cells["years"] = [0.25 + number % 5 for number in rows]
    cells["days"] = [10 + 7 * (number % 50) for number in rows]
    cells["admitted"] = ["" if number % 9 == 0 else cell
                         for number, cell in enumerate(cells["admitted"])]  # fmt: skip
    return cells


def document(model: str) -> str:
    source, more = TARGETS[model]
    return HEAD.replace("SOURCE", source).replace("MODEL", model) + more


def expected(cells: dict[str, list[object]], rows: list[int]) -> np.ndarray:
    """The inputs of rows as the page on tables says: by hand, in the order of columns' names."""
    found = []
    first, last = np.datetime64("2024-01-01"), np.datetime64("2024-10-31")
    middle, quarter = (last - first).astype(int) / 2, (last - first).astype(int) / 4
    for row in rows:
        told = str(cells["admitted"][row])
        day = middle if not told else int((min(np.datetime64(told), last) - first).astype(int))
        age = min(max(float(str(cells["age [years]"][row])), 40), 80)
        sex = str(cells["sex"][row])
        found.append([
            (day - middle) / quarter, float(not told), (age - 60) / 20, float(sex == "m"),
            float(sex == "NA"),
        ])  # fmt: skip
    return np.array(found)


TARGET: dict[str, Callable[[dict[str, list[object]], int], object]] = {
    "logistic": lambda cells, row: int(cells["died"][row] == "yes"),
    "multinomial": lambda cells, row: {"W0": 0, "W1": 1, "W2": 2}.get(str(cells["ward"][row])),
    "ordinal": lambda cells, row: int(str(cells["grade"][row])) - 1,
    "linear": lambda cells, row: (
        min(float(str(cells["lactate"][row])), 4) if cells["lactate"][row] else None
    ),
    "poisson": lambda cells, row: min(int(str(cells["visits"][row])), 2),
    "cox": lambda cells, row: [
        min(int(str(cells["days"][row])), 200), int(cells["died"][row] == "yes"),
    ],
}  # fmt: skip
"""What each row is to teach, None where the row is left out."""


@pytest.mark.parametrize("model", TARGETS)
def test_inputs_and_targets_are_what_the_document_says(tmp_path: Path, model: str) -> None:
    cells = cells_of()
    study = read_study(write_study(tmp_path, cells, document(model))).study
    source, agreement = study.data.source, described_preparation(study)
    assert isinstance(source, TableSource)
    assert agreement is not None
    table = own_table(source, study, tmp_path / "cohort.csv", "va")
    kept = [row for row in range(len(cells["mrn"])) if TARGET[model](cells, row) is not None]
    both = [encode_study_rows(agreement, part, "va") for part in (table.train, table.test)]
    at = np.concatenate([table.train.place, table.test.place])
    assert sorted(at.tolist()) == kept
    x, y = (np.concatenate([getattr(one, key) for one in both]) for key in "xy")
    width = expected(cells, [0]).shape[1]
    np.testing.assert_allclose(x[:, :width], expected(cells, at.tolist()), atol=1e-6)
    right = np.array([TARGET[model](cells, row) for row in at.tolist()], np.float64)
    np.testing.assert_allclose(y, right, rtol=1e-6)
    if model == "poisson":
        years = np.clip([float(str(cells["years"][row])) for row in at.tolist()], 0.5, 4)
        np.testing.assert_allclose(x[:, width], np.log(years), rtol=1e-6)


@pytest.mark.parametrize("model", some_of({one: one for one in TARGETS}, "logistic", "cox"))
def test_a_described_model_is_trained_verified_and_applied_to_clinics_files(
    tmp_path: Path, model: str
) -> None:
    ran = run(write_study(tmp_path, cells_of(), document(model)), out=tmp_path / "run")
    assert ran.outcome == "completed"
    verification = verify(ran.folder)
    assert verification.ok
    assert "statistics" not in verification.checked
    assert bool(verification.privacy) == (model != "cox")
    clinic = cells_of()
    for name in ("mrn", "hospital", "device", "lactate", "ward", "grade", "visits", "days", "died"):
        del clinic[name]
    table = write_table(tmp_path / "clinic.csv", clinic)
    found = predict(ran.folder, table)
    assert len(found.scores) == len(clinic["sex"])
    if model != "ordinal":
        ours = applied(ran.folder, table)
        np.testing.assert_allclose(ours, found.scores, rtol=1e-5, atol=1e-8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("described")
    run(write_study(folder, cells_of(), document("logistic")), out=folder / "run")
    return folder / "run"


def clinic_file(folder: Path, **odd: str) -> Path:
    """A clinic's file of three rows and a note that no model knows; `odd` changes the second."""
    cells = {
        "age [years]": ["60", "61", "62"], "sex": ["f", "m", "f"],
        "admitted": ["2024-02-01", "2024-02-01", "2024-02-01"], "note": ["a", "b", "c"],
    }  # fmt: skip
    for name, cell in odd.items():
        key = "age [years]" if name == "age" else name
        cells[key] = [cells[key][0], cell, cells[key][2]]
    return write_table(folder / "clinic.csv", cells)


@pytest.mark.parametrize("odd", [{"age": "190"}, {"sex": "x"}, {"admitted": "2030-01-01"}, {}])
def test_a_clinics_odd_row_changes_its_own_score_alone(
    trained: Path, tmp_path: Path, odd: dict[str, str]
) -> None:
    usual = predict(trained, clinic_file(tmp_path)).scores
    found = predict(trained, clinic_file(tmp_path, **odd))
    assert found.scores[[0, 2]].tobytes() == usual[[0, 2]].tobytes()
    assert (found.scores[1] != usual[1]).all() == bool(odd)
    np.testing.assert_allclose(
        applied(trained, tmp_path / "clinic.csv"), found.scores, rtol=1e-5, atol=1e-8
    )
    assert any("note" in note for note in found.notes), "what no model knows is told"


@pytest.mark.parametrize(
    ("odd", "code"),
    [({"age": "old"}, "data.value"), ({"admitted": "03/04/2024"}, "data.value"),
     ({"admitted": "13/04/2024"}, "data.value")],
)  # fmt: skip
def test_a_clinics_cell_that_cannot_be_read_by_itself_is_refused_with_its_row(
    trained: Path, tmp_path: Path, odd: dict[str, str], code: str
) -> None:
    with pytest.raises(DataError, match="row 2, column") as caught:
        predict(trained, clinic_file(tmp_path, **odd))
    assert caught.value.code == code


def test_a_clinics_file_without_a_described_column_or_in_another_unit_is_refused(
    trained: Path, tmp_path: Path
) -> None:
    path = clinic_file(tmp_path)
    text = path.read_text()
    for old, new, code in (
        ("sex", "sexe", "data.missing-column"), ("[years]", "[months]", "data.units"),
    ):  # fmt: skip
        path.write_text(text.replace(old, new))
        with pytest.raises(DataError) as caught:
            predict(trained, path)
        assert caught.value.code == code


def test_a_site_is_told_columns_and_rows_and_no_cell(tmp_path: Path) -> None:
    cells = cells_of()
    del cells["hospital"], cells["admitted"]
    cells["age [years]"][4] = "777"
    cells["age [years]"][6] = "sixty-one"
    cells["sex"][8] = "unheard"
    cells["died"][11] = "perhaps"
    cells["died"][12] = ""
    study = read_study(write_study(tmp_path, cells_of(), document("logistic"))).study
    source = study.data.source
    assert isinstance(source, TableSource)
    write_table(tmp_path / "own.csv", cells)
    notes = own_table(source, study, tmp_path / "own.csv", "va").train.notes
    told = " | ".join(notes)
    for line in (
        "1 row with no value of 'died' left out: row 13",
        "column 'admitted': the file does not have it, so it counts as missing in every row",
        "column 'age': cells that are no number or date count as missing: row 7",
        "column 'sex': categories that the study does not name count as any other: row 9",
        "column 'died': rows of a class that the study does not name are left out: row 12",
    ):
        assert line in told
    (moved,) = (note for note in notes if "beyond the range" in note and "'age'" in note)
    ages = [float(str(cell)) if row != 6 else 60.0 for row, cell in enumerate(cells["age [years]"])]
    beyond = [str(row + 1) for row, age in enumerate(ages) if not 40 <= age <= 80 and row != 12]
    assert moved.endswith(f"rows {', '.join(beyond[:10])} and {len(beyond) - 10} more")
    for cell in ("777", "sixty-one", "unheard", "perhaps"):
        assert cell not in told


def test_a_site_whose_header_names_another_unit_is_refused(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path, cells_of(), document("logistic"))).study
    source = study.data.source
    assert isinstance(source, TableSource)
    own = write_table(tmp_path / "own.csv", cells_of())
    own.write_text(own.read_text().replace("[years]", "[months]"))
    with pytest.raises(DataError) as caught:
        own_table(source, study, own, "va")
    assert caught.value.code == "data.units"
