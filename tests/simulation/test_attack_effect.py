"""What an attack did is measured on the honest sites' rows, beside the same study without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.report.measurements import AttackEffect
from collegium.simulation.execution import run

SHORT = ("training.rounds=6", "training.local_epochs=3", "evaluation.bootstrap=0")
ROBUST = ("aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=2")


def tried(folder: Path, *changes: str) -> tuple[RunResult, AttackEffect]:
    result = run("heart10", out=folder, changes=[*SHORT, *changes])
    assert result.measured.threat is not None
    return result, result.measured.threat


def test_attacked_clean_and_undefended_are_told_on_the_same_rows(tmp_path: Path) -> None:
    _, threat = tried(
        tmp_path / "run", *ROBUST, "threat.attack=sign_flip", "threat.attackers=2",
        "training.site_momentum=0.5",
    )  # fmt: skip
    assert threat.attackers == ("va-1", "va-2")
    assert not threat.adaptive
    assert threat.strength.startswith("10 (")
    assert threat.attacked is not None
    assert threat.clean is not None
    assert threat.undefended is not None
    accuracy = [
        one["accuracy"] or 0.0 for one in (threat.attacked, threat.clean, threat.undefended)
    ]
    assert accuracy[2] < min(accuracy[:2]) - 0.1
    clean = run("heart10", out=tmp_path / "clean", changes=[*SHORT, *ROBUST,
                "training.site_momentum=0.5"])  # fmt: skip
    assert clean.measured.threat is None
    federated = clean.measured.federated
    assert federated is not None
    honest = [name for name in federated.sites if name not in threat.attackers]
    rows = {name: clean.measured.rows[name][1] for name in honest}
    right = sum((federated.sites[name]["accuracy"] or 0) * rows[name] for name in honest)
    assert accuracy[1] == pytest.approx(right / sum(rows.values()))


def test_a_backdoor_is_told_with_how_long_it_lasts(tmp_path: Path) -> None:
    result, threat = tried(
        tmp_path / "run", "threat.attack=model_replacement", "threat.attackers=2",
        "threat.rounds=[3]", "training.rounds=12",
    )  # fmt: skip
    assert threat.rounds == (3,)
    assert threat.backdoor is not None
    assert threat.backdoor.watched == 9
    assert threat.backdoor.rows > 50
    assert threat.undefended is None  # there is no defence to leave out
    page = report_on(result.folder).read_text()
    assert "The planted adversary" in page
    assert "pattern" in page
    assert "non-adaptive" in page


def test_what_only_a_run_can_show_is_told_without_its_counterparts(tmp_path: Path) -> None:
    _, threat = tried(tmp_path / "run", "threat.attack=lying_validator")
    assert threat.attacked == threat.clean
    assert threat.undefended is None


def test_the_report_says_what_was_granted(tmp_path: Path) -> None:
    result, threat = tried(tmp_path / "run", *ROBUST, "threat.attack=opt_alie",
                           "threat.attackers=2")  # fmt: skip
    assert threat.adaptive
    page = report_on(result.folder).read_text()
    assert "omniscient" in page
    assert "defence-aware" in page
    assert "non-adaptive" not in page
    assert threat.granted["Goal"] in page


def test_a_study_that_failed_tells_what_was_granted_and_no_harm(tmp_path: Path) -> None:
    result, threat = tried(tmp_path / "run", "threat.attack=silent_site", "threat.attackers=10")
    assert result.outcome == "failed"
    assert threat.attacked is None
    assert "no model, so the effect" in report_on(result.folder).read_text()
