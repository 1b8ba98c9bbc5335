"""Tables whose target is a number in any unit, or a count over an exposure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.simulation.test_tables import applied

from collegium.audit.verify import verify
from collegium.errors import DataError, StudyError
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.reading import read_study

SITES = ("ada", "bo", "cy")
ROWS = 60


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Age, a second marker, years under observation, noise; alike in every test."""
    generator = np.random.default_rng(5)
    rows = ROWS * len(SITES)
    age = generator.normal(60, 12, rows).round(1)
    marker = generator.normal(0, 1, rows).round(2)
    return age, marker, generator.uniform(0.5, 6, rows).round(2), generator.normal(0, 0.3, rows)


def table(folder: Path, columns: dict[str, np.ndarray]) -> Path:
    """Write a table with a column of sites."""
    lines = [",".join(["hospital", *columns])]
    for row in range(ROWS * len(SITES)):
        cells = [repr(column[row].item()) for column in columns.values()]
        lines.append(",".join([SITES[row % len(SITES)], *cells]))
    path = folder / "cohort.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def study(folder: Path, source: str, model: str, training: str) -> Path:
    """Write a study of the table."""
    path = folder / "study.toml"
    path.write_text(
        f"""[study]
id = "numbers"
title = "Numbers"
question = "How much"
seed = 3

[data]
source = {{ table = "cohort.csv", site = "hospital", {source} }}

[model]
architecture = "{model}"

[training]
rounds = 40
batch_size = 64
{training}

[evaluation]
bootstrap = 0
"""
    )
    return path


def in_unit(folder: Path, factor: float, processes: int | None = None) -> RunResult:
    """Train on a cost that follows from age, told in a unit."""
    folder.mkdir()
    age, marker, _, noise = drawn()
    cost = ((0.1 * (age - 60) + marker + noise) * factor + 32 * factor).astype(np.float32)
    table(folder, {"age": age, "marker": marker, "cost": cost.astype(np.float64)})
    training = "learning_rate = 0.1\nearly_stopping = { patience = 8 }"
    path = study(folder, 'target = "cost"', "linear", training)
    return run(path, out=folder / "run", processes=processes)


def test_a_targets_unit_changes_nothing_but_the_unit(tmp_path: Path) -> None:
    """Euros and kiloeuros (of 1024) lead to the same model, whose losses are no number's size."""
    small, large = in_unit(tmp_path / "a", 1.0), in_unit(tmp_path / "b", 1024.0)
    assert small.model == large.model
    assert small.measured.federated is not None
    assert large.measured.federated is not None
    ours, theirs = small.measured.federated.overall, large.measured.federated.overall
    assert ours["r2"] == pytest.approx(theirs["r2"], abs=1e-6)
    assert ours["mae"] is not None
    assert theirs["mae"] is not None
    assert 1024 * ours["mae"] == pytest.approx(theirs["mae"], rel=1e-5)
    assert ours["r2"] is not None
    assert ours["r2"] > 0.85
    assert verify(large.folder).ok


def test_several_processes_train_the_same_spreads(tmp_path: Path) -> None:
    one = in_unit(tmp_path / "a", 1024.0, processes=1)
    assert in_unit(tmp_path / "b", 1024.0, processes=2).model == one.model


def test_a_released_model_predicts_in_the_targets_unit(tmp_path: Path) -> None:
    result = in_unit(tmp_path / "a", 1024.0)
    about = json.loads((result.folder / "model" / "model.json").read_text())
    center, spread = about["target_unit"]
    assert center == pytest.approx(32 * 1024, rel=0.02)
    assert spread == pytest.approx(1024 * np.sqrt(1.44 + 1 + 0.09), rel=0.15)
    new = tmp_path / "new.csv"
    new.write_text("age,marker\n60,0\n80,0\n60,2\n")
    low, old, high = predict(result.folder, new).scores[:, 0]
    assert low == pytest.approx(32 * 1024, rel=0.02)
    assert old - low == pytest.approx(2 * 1024, rel=0.3)
    assert high - low == pytest.approx(2 * 1024, rel=0.3)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Falls that happen at a rate a year."""
    folder = tmp_path_factory.mktemp("counted")
    age, marker, years, _ = drawn()
    rate = np.exp(-1.0 + 0.03 * (age - 60) + 0.5 * marker)
    falls = np.random.default_rng(6).poisson(rate * years).astype(float)
    years[5] = 0.0
    table(folder, {"age": age, "marker": marker, "years": years, "falls": falls})
    source = 'exposure = "years", target = "falls"'
    path = study(folder, source, "poisson", "learning_rate = 0.3")
    return run(path, out=folder / "run")


def test_a_count_is_predicted_for_its_exposure(counted: RunResult, tmp_path: Path) -> None:
    assert verify(counted.folder).ok
    assert any("no 'years' above 0" in one.text for one in counted.notices)
    assert "The model predicts a rate" in report_on(counted.folder).read_text()
    new = tmp_path / "new.csv"
    new.write_text("age,marker,years\n60,0,1\n60,0,4\n72,0,1\n")
    one, four, older = predict(counted.folder, new).scores[:, 0]
    assert four == pytest.approx(4 * one, rel=1e-5)
    assert one == pytest.approx(np.exp(-1.0), rel=0.35)
    assert older / one == pytest.approx(np.exp(0.36), rel=0.3)
    by_hand = applied(counted.folder, new)[:, 0]
    np.testing.assert_allclose(by_hand, [one, four, older], rtol=1e-5)


def test_an_exposure_is_asked_for_and_has_to_be_one(counted: RunResult, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    for text, words in (
        ("age,marker\n60,0\n", "no column 'years'"),
        ("age,marker,years\n60,0,0\n", "no exposure"),
        ("age,marker,years\n60,0,\n", "no exposure"),
    ):
        new.write_text(text)
        with pytest.raises(DataError) as refused:
            predict(counted.folder, new)
        assert words in refused.value.diagnostics(), text


@pytest.mark.parametrize(
    ("source", "model", "words"),
    [
        ('target = "cost", exposure = "years"', "linear", "has no exposure"),
        ('target = "falls", exposure = "falls"', "poisson", "'falls' is target and exposure"),
        ('target = "falls", exposure = "years", drop = ["years"]', "poisson", "stands in drop"),
    ],
)
def test_an_exposure_that_cannot_be_is_refused(
    tmp_path: Path, source: str, model: str, words: str
) -> None:
    with pytest.raises(StudyError) as refused:
        read_study(study(tmp_path, source, model, "learning_rate = 0.1"))
    assert words in refused.value.diagnostics()
