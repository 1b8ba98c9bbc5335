"""What the command line prints can be read by programs."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.data.tabular.cohorts import trainers, write_study

from collegium.cli.summaries import prediction_lines
from collegium.release.prediction import predict
from collegium.simulation.execution import run


def test_predictions_are_a_csv_whatever_classes_are_called(tmp_path: Path) -> None:
    cells = trainers(120)
    words = ['Aspirin, "low"', "Ibuprofen; 400 mg", "none"]
    cells["drug"] = [
        f'"{words[number % 3].replace(chr(34), chr(34) * 2)}"' for number in range(120)
    ]
    study = write_study(tmp_path, cells)
    table = '{ table = "cohort.csv", target = "drug", site = "hospital", drop = ["mrn"] }'
    done = run(study, out=tmp_path / "run", changes=[
        f"data.source={table}", "model.architecture=multinomial", "training.rounds=1",
    ])  # fmt: skip
    found = predict(done.folder, tmp_path / "cohort.csv")
    header, *rows = csv.reader(prediction_lines(found))
    assert header == ["row", *(f"score_{word}" for word in words), "class"]
    assert {len(row) for row in rows} == {5}
    assert {row[-1] for row in rows} <= set(words)
