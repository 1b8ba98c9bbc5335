"""Averages are those of unencoded updates: nothing is cut off, and no liar makes others coarse."""

import os
from pathlib import Path

import pytest
from benchmarks.averages import Clipped, compared, watched

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.cli.summaries import run_json
from collegium.measuring.reporting import report_on
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

PRESETS = ("heart", "heart10")
REAL = ("brca", "eicu", "scanners", "activity", "tumors", "intrusion", "lungs")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_model_is_that_of_training_without_an_encoding(preset: str) -> None:
    """Under contract 1 Switzerland was cut off in 95 of 100 rounds, and models were 4 % apart."""
    found = compared(preset, ["training.rounds=100"])
    assert not found.clipped.rounds
    assert found.apart < 0.0001


@pytest.mark.long
@pytest.mark.skipif("COLLEGIUM_DATA" not in os.environ, reason="the data are not here")
@pytest.mark.parametrize("preset", REAL)
def test_so_is_a_model_of_real_data(preset: str) -> None:
    found = compared(preset, ["training.rounds=100"])
    assert not found.clipped.rounds
    assert found.apart < 0.001


def test_steps_that_are_divided_by_local_work_are_not_rounded_away() -> None:
    changes = ("training.algorithm=fednova", "training.batch_size=4", "training.rounds=20")
    assert compared("heart", changes).apart < 0.0001


def test_a_liar_that_lasts_costs_nobody_a_bit() -> None:
    def exponents(*changes: str) -> dict[int, int]:
        found = Clipped()
        with watched(found):
            study = read_study("heart10", ["training.rounds=40", *changes])
            run_without_ledger(prepare(study))
        return found.exponents

    bears = ("aggregation.rule=trimmed_mean", "aggregation.tolerate=1")
    honest = exponents(*bears)
    lied = exponents(*bears, "threat.attack=huge_update", "threat.attackers=1")
    assert min(lied.values()) == honest[1], "it never gets coarser"
    assert lied[40] == honest[40], "it only gets finer some rounds later"


def test_whose_updates_were_cut_off_is_told_by_site(tmp_path: Path) -> None:
    changes = ("training.rounds=2", "threat.attack=huge_update", "threat.attackers=1")
    result = run("heart", out=tmp_path / "run", changes=changes)
    found = verify(result.folder)
    (liar,) = result.attackers
    (told,) = found.clipped
    assert (told.site, told.rounds, told.coordinates) == (liar, (1, 2), 14)
    assert run_json(result, found.shares, found.clipped)["clipped"] == {
        liar: {"rounds": [1, 2], "coordinates": 14}
    }
    (note,) = (one for one in found.findings if one.code == "site.clipped")
    assert note.severity == "note"
    page = report_on(result.folder).read_text(encoding="utf-8")
    assert "14 of its coordinates were cut off" in page


def test_nobody_s_update_is_cut_off_in_an_honest_run(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=("training.rounds=3",))
    assert run_json(result, (), verify(result.folder).clipped)["clipped"] == {}
