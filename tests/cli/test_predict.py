"""`collegium predict`: a released model and a table in; a risk for every row out, or a reason."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import diagnosis, told

ROWS: tuple[dict[str, Any], ...] = (
    {"age": 63, "sex": 1, "cp": 1, "trestbps": 145, "chol": 233, "fbs": 1, "restecg": 2,
     "thalach": 150, "exang": 0, "oldpeak": 2.3},
    {"age": 41, "sex": 0, "cp": 4, "trestbps": 110.5, "chol": 180, "fbs": 0, "restecg": 0,
     "thalach": 172, "exang": 1, "oldpeak": -0.5},
    {"age": 77, "sex": 1, "cp": 3, "trestbps": 160, "chol": 0, "fbs": 0, "restecg": 1,
     "thalach": 99, "exang": 1, "oldpeak": 4},
)  # fmt: skip


def schema_of(model: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((model / "schema.json").read_bytes())
    return schema


def table(path: Path, model: Path, rows: tuple[dict[str, Any], ...] = ROWS) -> Path:
    """Write rows as a CSV with the columns that the model's schema asks for."""
    names = [feature["name"] for feature in schema_of(model)["features"]]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def independent(model: Path, row: dict[str, Any]) -> float:
    """The risk of a row, from model.safetensors and schema.json, with nothing of ours."""
    data = (model / "model.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    tensors: dict[int, list[float]] = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        start, end = about["data_offsets"]
        values = struct.unpack(f"<{(end - start) // 4}f", data[8 + size + start : 8 + size + end])
        tensors[len(values)] = list(values)
    inputs: list[float] = []
    for feature in schema_of(model)["features"]:
        value = row[feature["name"]]
        if feature["kind"] == "numeric":
            inputs.append((value - feature["center"]) / feature["scale"])
        elif feature["kind"] == "binary":
            inputs.append(float(value))
        else:
            inputs += [float(str(value) == one["code"]) for one in feature["categories"][1:]]
    (weights, (bias,)) = tensors[len(inputs)], tensors[1]
    product = math.fsum(weight * value for weight, value in zip(weights, inputs, strict=True))
    return 1 / (1 + math.exp(-(product + bias)))


def test_the_risks_are_those_of_the_released_files(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    model = finished.folder / "model"
    found = told(call("predict", model, table(tmp_path / "table.csv", model), "--json"))
    assert len(found["rows"]) == len(ROWS)
    classes = schema_of(model)["classes"]
    for row, one in zip(ROWS, found["rows"], strict=True):
        (score,) = one["scores"]
        assert score == pytest.approx(independent(model, row), rel=1e-5)
        assert one["class"] == classes[score >= 0.5]
    assert len({one["scores"][0] for one in found["rows"]}) == len(ROWS)
    assert found["model"] == finished.told["model"]
    assert found["not_for_clinical_use"] is True
    assert found["study"] == "heart"


def test_people_get_a_csv_and_are_told_that_it_is_research(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    model = finished.folder / "model"
    path = table(tmp_path / "table.csv", model)
    done = call("predict", finished.folder, path)
    assert done.returncode == 0
    assert "not for clinical use" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    exact = told(call("predict", model, path, "--json"))["rows"]
    assert [float(row["score"]) for row in rows] == pytest.approx(
        [one["scores"][0] for one in exact], abs=1e-6
    )


def test_columns_may_come_in_any_order(call: Call, finished: Finished, tmp_path: Path) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    lines = [",".join(reversed(line.split(","))) for line in path.read_text().splitlines()]
    (tmp_path / "turned.csv").write_text("\n".join(lines))
    first, turned = (call("predict", finished.folder, one).stdout for one in (path, "turned.csv"))
    assert first == turned


def test_a_digest_holds_the_model_to_what_was_released(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    digest = told(call("predict", finished.folder, path, "--json"))["bundle"]
    assert call("predict", finished.folder, path, "--digest", digest.upper()).returncode == 0
    wrong = call("predict", finished.folder, path, "--digest", "ab" * 32)
    assert diagnosis(wrong)[0] == "model.other"
    assert wrong.stdout == ""
    altered = Path(shutil.copytree(finished.folder / "model", tmp_path / "altered"))
    (altered / "card.md").write_text("better than it is")
    done = call("predict", altered, path, "--digest", digest)
    assert diagnosis(done)[0] == "model.other"


def test_a_digest_that_is_none_is_refused(call: Call, finished: Finished, tmp_path: Path) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    for text in ("", "12", "xyz"):
        assert (
            diagnosis(call("predict", finished.folder, path, "--digest", text))[0] == "model.other"
        )


# What is changed in a good table, the code, and what the message must say.
BROKEN = [
    ("63,", "sixty,", "data.value", "row 1 (line 2), column 'age'"),
    ("63,", ",", "data.missing-value", "row 1 (line 2), column 'age'"),
    ("63,", "nan,", "data.missing-value", "row 1 (line 2)"),
    ("63,", "inf,", "data.value", "row 1 (line 2)"),
    ("63,", "63,1,", "data.ragged", "row 1 (line 2)"),
    ("63,", '"63,', "data.malformed", "line"),
    ("age", "Age", "data.unknown-column", "'Age'"),
    ("age", "chol", "data.duplicate-column", "'chol'"),
    (",", ";", "data.no-header", "no column"),
    ("63,1,1,", "63,1,9,", "data.value", "column 'cp'"),
    ("63,1,1,", "63,2,1,", "data.value", "column 'sex'"),
]


@pytest.mark.parametrize(("old", "new", "code", "says"), BROKEN, ids=[one[1] for one in BROKEN])
def test_a_table_that_does_not_fit_is_told_with_row_and_column(
    call: Call, finished: Finished, tmp_path: Path, old: str, new: str, code: str, says: str
) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old == "," else text.replace(old, new, 1))
    done = call("predict", finished.folder, path)
    found = diagnosis(done)
    assert found[0] == code, found
    assert says in found[1], found
    assert done.stdout == "", "no risk is shown beside an error"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "data.empty"),
        (b"\n\n", "data.empty"),
        (b"\xff\xfea", "data.encoding"),
        (b"age\n63\n", "data.missing-column"),
        (b"a,b\n1,2\n", "data.no-header"),
    ],
)
def test_a_file_that_is_no_table_is_told(
    call: Call, finished: Finished, tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    assert diagnosis(call("predict", finished.folder, "odd.csv"))[0] == code


def test_a_header_without_rows_is_told(call: Call, finished: Finished, tmp_path: Path) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model", ())
    assert diagnosis(call("predict", finished.folder, path))[0] == "data.no-rows"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("no folder", "model.unreadable"),
        ("no weights", "model.unreadable"),
        ("no schema", "model.unreadable"),
        ("weights cut", "released.malformed"),
        ("schema of numbers", "format.malformed"),
        ("one feature less", "format.malformed"),
    ],
)
def test_a_model_that_is_none_is_told(
    call: Call, finished: Finished, tmp_path: Path, damage: str, code: str
) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    model = Path(shutil.copytree(finished.folder / "model", tmp_path / "model"))
    schema = schema_of(model)
    match damage:
        case "no folder":
            shutil.rmtree(model)
        case "no weights":
            (model / "model.safetensors").unlink()
        case "no schema":
            (model / "schema.json").unlink()
        case "weights cut":
            weights = model / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-1])
        case "schema of numbers":
            (model / "schema.json").write_text("[1, 2]")
        case "one feature less":
            (model / "schema.json").write_text(
                json.dumps(schema | {"features": schema["features"][1:]})
            )
    assert diagnosis(call("predict", model, path))[0] == code


def test_what_each_feature_adds_is_said(finished: Finished, tmp_path: Path, call: Call) -> None:
    """Parts add up to the score less that of the reference patient, in JSON and in the CSV."""
    model = finished.folder / "model"
    csv_path = table(tmp_path / "patients.csv", model)
    found = told(call("predict", model, csv_path, "--explain", "--json"))
    (reference,) = found["reference_scores"]
    names = [feature["name"] for feature in schema_of(model)["features"]]
    for row in found["rows"]:
        assert list(row["parts"]) == names
        added = sum(part for (part,) in row["parts"].values())
        assert added == pytest.approx(row["scores"][0] - reference, abs=1e-9)
    done = call("predict", model, csv_path, "--explain")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [line["by_cp"] for line in lines] == [
        f"{row['parts']['cp'][0]:.6f}" for row in found["rows"]
    ]
    assert "parts" not in told(call("predict", model, csv_path, "--json"))["rows"][0]


def test_ids_stand_beside_the_predictions_as_they_are_written(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    lines = path.read_text().splitlines()
    ids = ["mrn", "007", "0012", "0012"]
    path.write_text("\n".join(f"{line},{one}" for line, one in zip(lines, ids, strict=True)))
    refused = diagnosis(call("predict", finished.folder, path))
    assert refused[0] == "data.unknown-column"
    assert "--id" in refused[3]
    done = call("predict", finished.folder, path, "--id", "mrn", "--id", "age")
    assert "1 row has the mrn of another one" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["mrn"], row["age"]) for row in rows] == [
        (one, str(row["age"])) for one, row in zip(ids[1:], ROWS, strict=True)
    ]
    found = told(call("predict", finished.folder, path, "--id", "mrn", "--json"))["rows"]
    assert [one["id"] for one in found] == [{"mrn": one} for one in ids[1:]]
    absent = diagnosis(call("predict", finished.folder, path, "--id", "mrn", "--id", "name"))
    assert absent[0] == "data.missing-column"


def other_weights(model: Path) -> None:
    """Put sound weights of another model in place: the first value is another one."""
    path = model / "model.safetensors"
    data = bytearray(path.read_bytes())
    at = 8 + int.from_bytes(data[:8], "little")
    data[at : at + 4] = struct.pack("<f", 0.5)
    path.write_bytes(data)


def test_other_weights_are_refused_unasked_by_the_card(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    path = table(tmp_path / "table.csv", finished.folder / "model")
    model = Path(shutil.copytree(finished.folder / "model", tmp_path / "copy"))
    assert call("predict", model, path).returncode == 0
    other_weights(model)
    done = call("predict", model, path)
    assert diagnosis(done)[0] == "model.other"
    assert done.stdout == ""
    (model / "card.md").write_text("no digest")
    assert "no card says" in call("predict", model, path).stderr


@pytest.mark.parametrize("name", ["model.safetensors", "schema.json", "card.md"])
def test_other_files_are_refused_unasked_by_the_ledger(
    call: Call, finished: Finished, tmp_path: Path, name: str
) -> None:
    """Also where the card was made to fit the weights."""
    path = table(tmp_path / "table.csv", finished.folder / "model")
    run = tmp_path / "run"
    shutil.copytree(finished.folder / "model", run / "model")
    shutil.copy(finished.folder / "ledger.log", run)
    assert call("predict", run, path).returncode == 0
    if name == "model.safetensors":
        other_weights(run / "model")
        (run / "model" / "card.md").write_text("no digest")
    else:
        (run / "model" / name).write_bytes((run / "model" / name).read_bytes() + b"\n")
    for model in (run, run / "model"):
        found = diagnosis(call("predict", model, path))
        assert found[0] == "model.other"
        assert "ledger.log" in found[2]


def test_what_was_not_checked_of_ranges_is_said(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    """A model of registered data carries constants and no range of anybody's rows."""
    path = table(tmp_path / "table.csv", finished.folder / "model")
    found = told(call("predict", finished.folder, path, "--json"))
    assert found["beyond_training"] is None
    assert any("was not checked" in note for note in found["notes"])
