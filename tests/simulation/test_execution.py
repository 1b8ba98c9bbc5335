"""What a run measures on its way and at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.audit.history import History, read_history
from collegium.audit.verify import verify
from collegium.measuring.reporting import report_on
from collegium.report.measurements import FinalLine, RoundLine, read_lines
from collegium.simulation import recorder
from collegium.simulation.execution import run

QUICK = ("training.rounds=3", "evaluation.bootstrap=0")
DIVERGING = ("model.l2=1e6", "aggregation.server.optimizer=adagrad")
"""Local training from one model onward leaves the numbers; the server's steps are bounded."""


def rounds_of(folder: Path) -> list[RoundLine]:
    lines = read_lines(folder / "metrics.jsonl")
    assert isinstance(lines[-1], FinalLine)
    return [line for line in lines if isinstance(line, RoundLine)]


def test_every_round_has_a_line_that_fits_the_ledger(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=QUICK)
    lines = rounds_of(result.folder)
    assert [line.round for line in lines] == [1, 2, 3]
    assert all(line.attempt == 1 for line in lines)
    assert lines[-1].model == result.model
    assert [line.entries for line in lines] == sorted({line.entries for line in lines})
    for line in lines:
        assert line.included == ("cleveland", "hungarian", "switzerland", "va")
        assert set(line.seconds) == {"training", "validators", "others"}
        assert all(seconds >= 0 for seconds in line.seconds.values())
        assert line.bytes["ledger"] > 1000
        assert set(line.training_metrics) == {*line.included, "overall"}
    losses = [line.training_metrics["overall"]["loss"] for line in lines]
    assert losses == sorted(losses, key=lambda loss: -(loss or 0)), "it learns"


def test_progress_is_told_once_a_round(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    run(
        "heart",
        out=tmp_path / "run",
        changes=QUICK,
        progress=lambda closed, rounds: told.append((closed, rounds)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_of_a_long_study_some_rounds_are_measured_and_always_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "CURVE_POINTS", 2)
    changes = ["training.rounds=7", "evaluation.bootstrap=0"]
    lines = rounds_of(run("heart", out=tmp_path / "run", changes=changes).folder)
    assert [line.round for line in lines if line.training_metrics] == [3, 6, 7]


def test_a_baseline_whose_training_diverges_has_no_quality_and_stops_nothing(
    tmp_path: Path,
) -> None:
    changes = ["training.rounds=5", "evaluation.bootstrap=0", *DIVERGING]
    result = run("heart", out=tmp_path / "run", changes=changes)
    assert result.outcome == "completed"
    assert result.measured.federated is not None
    assert result.measured.pooled is None
    assert result.measured.pooled_reason == "training on all rows together diverged"
    assert result.measured.difference_to_pooled == {}
    missing = set(result.measured.local_missing)
    assert missing, "whose own training diverged is named"
    assert (result.measured.local is None) == (len(missing) == 4)
    verification = verify(result.folder)
    assert verification.ok
    posted = verification.checked["statements"]
    assert 4 <= posted < 8, "all about the federated model, none about what diverged"
    assert report_on(result.folder).stat().st_size > 1000


def test_a_report_replays_the_ledger_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("heart", out=tmp_path / "run", changes=["training.rounds=1"])
    replayed = []

    def counted(data: bytes) -> History:
        replayed.append(data)
        return read_history(data)

    monkeypatch.setattr("collegium.audit.verify.read_history", counted)
    monkeypatch.setattr("collegium.measuring.reporting.read_history", counted)
    report_on(result.folder)
    assert len(replayed) == 1
