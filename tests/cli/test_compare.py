"""`collegium compare`: one command from studies to what sets them apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
from tests.cli.conftest import Call, Finished
from tests.commands import QUICK, diagnosis, told

from collegium.report.run_comparison import RunComparison

RULES = ("--vary", 'aggregation=[{rule = "fedavg"}, {rule = "trimmed_mean", tolerate = 1}]')

FEDAVG = "aggregation.rule=fedavg, aggregation.tolerate=0"


def test_studies_are_run_and_compared(call: Call) -> None:
    found = told(call("compare", "heart", *QUICK, *RULES, "--seeds", 2, "--out", "runs", "--json"))
    assert found["primary"] == "auc"
    assert [len(one["runs"]) for one in found["designs"]] == [2, 2]
    (paired,) = found["differences"]
    assert (paired["against"], paired["interval_over"]) == (FEDAVG, "seeds")
    first, second = (one["quality"]["auc"]["value"] for one in found["designs"])
    assert abs(paired["measures"]["auc"]["value"] - (second - first)) < 1e-12

    page = Path(found["page"])
    assert page.parent.parent == Path("runs")
    kept = msgspec.json.decode((page.parent / "comparison.json").read_bytes(), type=RunComparison)
    assert json.loads(msgspec.json.encode(kept)) == {
        key: value for key, value in found.items() if key != "page"
    }
    assert "AUC: each design minus" in page.read_text("utf-8")

    again = call("compare", *found["designs"][0]["runs"], *found["designs"][1]["runs"])
    assert again.returncode == 0
    assert f"minus {FEDAVG}, paired over 2 seeds" in again.stdout
    assert "AUC is the primary measure" in again.stdout


def test_a_single_run_says_how_it_stands_to_its_baselines(call: Call, finished: Finished) -> None:
    done = call("compare", finished.folder)
    assert done.returncode == 0
    assert "minus pooled" in done.stdout
    assert "AUC is the primary measure" not in done.stdout


def test_runs_and_studies_are_not_mixed(call: Call, finished: Finished) -> None:
    assert diagnosis(call("compare", finished.folder, "heart"))[0] == "command.usage"
    assert diagnosis(call("compare", finished.folder, "--set", "a.b=1"))[0] == "command.usage"


def test_a_page_that_cannot_be_written_is_an_error_where_it_was_asked_for(
    call: Call, finished: Finished
) -> None:
    Path("runs").write_text("in the way", "utf-8")
    done = call("compare", finished.folder)
    assert done.returncode == 0
    assert "note: runs" in done.stderr
    assert "page:" not in done.stdout
    assert diagnosis(call("compare", finished.folder, "--out", "runs"))[0] == "report.unwritable"


def test_a_presets_name_means_the_preset_whatever_folders_there_are(
    call: Call, finished: Finished
) -> None:
    shutil.copytree(finished.folder, "heart")
    found = told(call("compare", "heart", *QUICK, "--seeds", 1, "--out", "o", "--json"))
    assert found["designs"][0]["runs"][0].startswith("o/heart-")
    found = told(call("compare", "./heart", "--json"))
    assert found["designs"][0]["runs"] == ["heart"]


def test_a_value_that_is_none_is_refused_before_anything_runs(call: Call) -> None:
    done = call("compare", "heart", "--vary", 'aggregation.rule=["fedavg", "mdian"]', "--out", "o")
    assert diagnosis(done)[0] == "study.unknown-name"
    assert diagnosis(call("report", "o"))[0] != ""
