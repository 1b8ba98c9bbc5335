"""What attacks found is told by a run's report, with and without protection."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.commands import collegium
from tests.report.reading import Page

from collegium.errors import StudyError
from collegium.measuring.attack_notes import note_attack, protection_of
from collegium.measuring.reporting import report_on
from collegium.report.measurements import AttackLine, read_lines
from collegium.simulation.execution import run
from collegium.study.reading import read_study
from collegium.threats.canaries import CanaryAudit, StudyAudit
from collegium.threats.inversion import Reconstruction
from collegium.threats.membership import Exposure, MembershipGuess
from collegium.threats.rebuilding import Inversion

SHORT = ("training.rounds=1", "evaluation.bootstrap=0")
PRIVATE = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run("heart", out=tmp_path / "run", changes=SHORT)
    return tmp_path / "run"


def section(folder: Path) -> str:
    return Page((folder / "report.html").read_text("utf-8")).sections["privacy"]


def test_a_report_without_attacks_says_how_to_try_some(folder: Path) -> None:
    report_on(folder)
    assert "No attack was tried on this study's data and model." in section(folder)


def test_what_was_found_with_and_without_protection_stands_side_by_side(folder: Path) -> None:
    for changes in ([], ["--set", PRIVATE]):
        collegium(
            "bench", "inversion", str(folder / "study.toml"), "--trials", "2", "--into",
            str(folder), *changes, cwd=folder,
        )  # fmt: skip
    text = section(folder)
    assert "nothing: plain updates" in text
    assert "100 of 100 were rebuilt" in text
    assert "the diagnosis was told right for 100 of 100" in text
    assert "epsilon 8 at delta 1e-05 per patient, Poisson samples of rate 0.1" in text
    assert "accountant rdp@1" in text
    assert "0.5 of 100" in text
    resumed = run(read_study(folder / "study.toml").study, out=folder, resume=True)
    assert resumed.outcome == "completed"
    kept = read_lines(folder / "metrics.jsonl")
    assert sum(isinstance(one, AttackLine) for one in kept) == 2


def test_every_attack_is_told_in_plain_words(folder: Path) -> None:
    study = read_study(folder / "study.toml").study
    rebuilt = Reconstruction("matched gradients (DLG)", 8, 0.5, 0.25)
    exposed = MembershipGuess("likelihood ratios (LiRA)", 592, 0.6, (0.002, 0.031))
    audit = CanaryAudit(2.0, 1e-5, 2.5, 10_000, 400, 380)
    for found in (
        Inversion("heart", "va", 4, 2, 3, 0.01, (rebuilt,), None, None),
        Exposure("heart", "patient", 32, 592, (exposed,), None, None, ()),
        StudyAudit("heart", "patient", 30, 0.1, 3.9, "rdp@1", audit, 7.28),
    ):
        note_attack(folder, study, found)
    text = section(folder)
    assert "from 2 local steps over 4 of them, in a sum over 3 sites" in text
    assert "25 of 100 were rebuilt" in text
    assert "3.1 of 100 patients that were in were recognized" in text
    assert "epsilon 2.50 at least (99.9 % confidence), of 2.00 claimed, delta 1e-05" in text
    assert "the claim is refuted" in text
    assert "Only an epsilon bounds all attacks." in text
    answer = Page((folder / "report.html").read_text("utf-8")).sections["answer"]
    assert "AttackRebuilding patients' rows" in answer
    assert "more results are under Protection of patients." in answer


def test_what_was_found_of_other_data_is_not_noted(folder: Path) -> None:
    other = read_study("heart", ["model.architecture=mlp", "model.hidden=[4]"]).study
    rebuilt = Reconstruction("any", 8, 0.5, 0.25)
    found = Inversion("heart", "va", 1, 1, 1, 0.01, (rebuilt,), None, None)
    with pytest.raises(StudyError, match="other data or of another model"):
        note_attack(folder, other, found)


def test_a_protection_is_told_with_all_that_it_means() -> None:
    masked = "privacy.secure_aggregation={protocol='secagg'}"
    assert protection_of(read_study("heart").study) == "nothing: plain updates"
    both = protection_of(read_study("heart", [masked, PRIVATE]).study)
    assert both.startswith("secure aggregation (secagg) and epsilon 8 at delta 1e-05 per patient")
