"""A table of one's own is trained from, verified, and refused where nothing can come of it."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.tabular.cohorts import SITES, STUDY, trainers, write_study, write_table

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.errors import CollegiumError, DataError, RunError
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.reading import read_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("tables")
    return run(write_study(folder), out=folder / "run")


def test_a_table_trains_without_code_and_its_set_up_is_recomputed(finished: RunResult) -> None:
    assert finished.outcome == "completed"
    assert finished.measured.federated is not None
    assert set(finished.measured.federated.sites) == set(SITES)
    verification = verify(finished.folder)
    assert (verification.ok, verification.complete) == (True, True)
    assert verification.checked["statistics"] == 3
    assert verification.levels == {"recomputed": 3}
    assert [one.severity for one in verification.findings] == []


def test_what_was_agreed_is_what_a_simulation_foretells(finished: RunResult) -> None:
    prepared = prepare(read_study(finished.folder.parent / "study.toml"))
    assert prepared.table is not None
    blobs = [path.read_bytes() for path in (finished.folder / "blobs").iterdir()]
    assert prepared.table.blob in blobs
    found = decode_agreed(prepared.table.blob)
    assert [one.name for one in found.columns] == ["admitted", "age", "lactate", "sex"]
    assert [(one.name, one.reason) for one in found.left_out] == [("device", "constant")]


def test_a_run_ends_in_the_same_model_again_and_after_a_resumption(
    finished: RunResult, tmp_path: Path
) -> None:
    study = write_study(tmp_path)
    assert run(study, out=tmp_path / "again").model == finished.model
    assert run(study, out=tmp_path / "again", resume=True).model == finished.model


def test_a_run_does_not_go_on_with_other_rows(tmp_path: Path) -> None:
    """It would end, and not verify: the sites accepted the study over the rows of before."""
    study, out = write_study(tmp_path), tmp_path / "run"

    def stop(closed: int, rounds: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(study, out=out, progress=stop)
    table = study.parent / "cohort.csv"
    text = table.read_text(encoding="utf-8")
    older = trainers()
    older["age [years]"] = [f"{float(str(age)) + 1:.1f}" for age in older["age [years]"]]
    write_table(table, older)
    with pytest.raises(RunError) as caught:
        run(study, out=out, resume=True)
    assert caught.value.code == "run.other-rows"
    assert "cohort.csv" in caught.value.what
    table.write_text(text, encoding="utf-8")
    assert verify(run(study, out=out, resume=True).folder).ok


@pytest.mark.parametrize(
    "change",
    [
        'privacy.secure_aggregation={protocol="secagg"}',
        "evaluation.folds=2",
        'threat={attack="label_flip",attackers=1}',
        'aggregation={rule="trimmed_mean",tolerate=1}',
        'training={rounds=2,learning_rate=0.1,algorithm="fednova"}',
        'study.attendance="all"',
    ],
)
def test_what_other_studies_may_ask_for_a_table_may_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    study = write_study(tmp_path / "there")
    monkeypatch.chdir(tmp_path)  # its paths are taken from its own folder
    result = run(study, out=tmp_path / "run", changes=["training.rounds=2", change])
    assert result.outcome == "completed"
    assert verify(result.folder).ok
    if "folds" in change:
        assert verify(result.folder / "folds" / "1").ok


@pytest.mark.parametrize("by", ["iid", "split"])
def test_a_table_without_a_column_of_sites_is_dealt(tmp_path: Path, by: str) -> None:
    text = STUDY.replace(', site = "hospital"', "").replace('"mrn"', '"mrn", "hospital"')
    text = text.replace("[model]", f'partition = {{ by = "{by}", sites = 3 }}\n\n[model]')
    result = run(write_study(tmp_path, text=text), out=tmp_path / "run")
    assert result.outcome == "completed"
    assert len(result.measured.rows) == 3


@pytest.mark.parametrize(
    ("architecture", "target", "metric"),
    [
        ("linear", "lactate", "mae"),
        ("multinomial", "ward", "accuracy"),
        ("ordinal", "grade", "accuracy"),
        ("poisson", "visits", "mae"),
        ("cox", 'days", event = "died', "c_index"),
    ],
)
def test_other_targets_are_learned_as_well(
    tmp_path: Path, architecture: str, target: str, metric: str
) -> None:
    cells = trainers()
    rows = range(len(cells["mrn"]))
    cells["ward"] = [f"W{number % 3}" for number in rows]
    cells["grade"] = [1 + number % 3 for number in rows]
    cells["visits"] = [number % 4 for number in rows]
    cells["days"] = [10 + 7 * (number % 50) for number in rows]
    text = STUDY.replace('"logistic"', f'"{architecture}"').replace('"died"', f'"{target}"')
    result = run(write_study(tmp_path, cells, text), out=tmp_path / "run")
    assert result.measured.federated is not None
    assert metric in result.measured.federated.overall
    assert verify(result.folder).ok
    found = predict(result.folder, tmp_path / "cohort.csv")
    assert len(found.scores) == len(rows)
    if architecture != "ordinal":
        np.testing.assert_allclose(applied(result.folder, tmp_path / "cohort.csv"), found.scores,
                                   rtol=1e-5, atol=1e-8)  # fmt: skip


REFUSED = [
    ('target = "died"', 'target = "dead"', "data.missing-column"),
    ('drop = ["mrn"]', 'drop = ["mnr"]', "data.missing-column"),
    ('drop = ["mrn"]', 'drop = ["died"]', "study.combination"),
    ('site = "hospital"', 'site = "died"', "study.combination"),
    ('"logistic"', '"mlp"\nhidden = [4]', "study.combination"),
    ('target = "died"', 'target = "died", task = "regression"', "study.combination"),
    ('target = "died"', 'target = "died", classes = ["a"]', "study.combination"),
    ('target = "died"', 'target = "age"', "data.classes"),
    (', site = "hospital"', "", "study.combination"),
    ('table = "cohort.csv"', 'table = "cohorts.csv"', "data.unreadable"),
    ('target = "died"', 'target = "died", targets = 1', "study.unknown-key"),
    ('target = "died"', 'target = "died", event = "sex"', "study.combination"),
    ('"logistic"', '"cox"', "study.combination"),
    ('"logistic"', '"ordinal"', "data.classes"),
    ('target = "died"', 'target = "died", smallest = 0', "study.range"),
    ('target = "died"', 'target = "died", smallest = 1000', "data.classes"),
    (
        "[evaluation]",
        '[privacy]\ndifferential_privacy = { unit = "record", epsilon = 8.0, delta = 1e-5 }\n'
        "[evaluation]",
        "study.columns",
    ),
]


@pytest.mark.parametrize(("old", "new", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    assert old in STUDY
    study = write_study(tmp_path, text=STUDY.replace(old, new))
    with pytest.raises(CollegiumError) as caught:
        run(study, out=tmp_path / "run")
    assert caught.value.code == code
    assert not (tmp_path / "run").exists()


def test_small_sites_are_left_out_and_said(tmp_path: Path) -> None:
    cells = trainers()
    cells["hospital"][0] = "Tiny Clinic"
    prepared = prepare(read_study(write_study(tmp_path, cells)))
    assert prepared.sites == list(SITES)
    assert any("tiny-clinic" in notice.text for notice in prepared.notices)


def test_a_table_that_is_no_csv_is_refused_with_its_line(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with (tmp_path / "cohort.csv").open("a") as file:
        file.write("1,2,3\n")
    with pytest.raises(DataError, match="line 242") as caught:
        prepare(read_study(study))
    assert caught.value.code == "data.ragged"


def test_the_released_model_carries_what_was_agreed(finished: RunResult) -> None:
    prepared = prepare(read_study(finished.folder.parent / "study.toml"))
    assert prepared.table is not None
    released = finished.folder / "model" / "preparation.json"
    assert released.read_bytes() == prepared.table.blob
    found = predict(finished.folder, finished.folder.parent / "cohort.csv")
    assert found.scores.shape == (240, 1)
    assert set(found.classes) <= {"yes", "no"}


def test_another_preparation_than_was_agreed_is_found(finished: RunResult, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copytree(finished.folder, copy, ignore=ignore_patterns("members"))
    released = copy / "model" / "preparation.json"
    released.write_bytes(released.read_bytes().replace(b'"unknown":"other"', b'"unknown":"refuse"'))
    codes = {one.code for one in verify(copy).findings}
    assert codes == {"bundle.altered", "bundle.preparation"}


def test_statistics_that_were_exchanged_are_found(finished: RunResult, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copytree(finished.folder, copy, ignore=ignore_patterns("members"))
    said = next(path for path in (copy / "blobs").iterdir() if b'"moments"' in path.read_bytes())
    said.unlink()
    assert "statistics.agreement" in {one.code for one in verify(copy).findings}


def test_the_model_applies_without_collegium(finished: RunResult) -> None:
    table = finished.folder.parent / "cohort.csv"
    script = Path(__file__).parents[2] / "examples" / "apply_model.py"
    text = script.read_text("utf-8")
    assert "import collegium" not in text
    assert "from collegium" not in text
    ours = predict(finished.folder, table).scores
    np.testing.assert_allclose(applied(finished.folder, table), ours, atol=1e-8)


def applied(folder: Path, table: Path) -> NDArray[np.float64]:
    """Return what the script without Collegium says of a table's rows."""
    script = Path(__file__).parents[2] / "examples" / "apply_model.py"
    command = [sys.executable, str(script), str(folder / "model"), str(table)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return np.array([[float(cell) for cell in line.split(",")] for line in told.splitlines()])


def test_the_report_says_what_was_agreed_and_what_left_a_site(finished: RunResult) -> None:
    page = report_on(finished.folder).read_text("utf-8")
    assert "Preparation of tables" in page
    assert "device: it has one value everywhere" in page
    assert "For this, each site released only" in page
    assert "4 sites" in page


def test_the_second_verifier_follows_a_set_up(finished: RunResult) -> None:
    script = Path(__file__).parents[2] / "examples" / "second_verifier.py"
    command = [sys.executable, str(script), str(finished.folder)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "ok\n"
