"""The sequencer's machine is gone; another goes on from a member's copy while a study trains."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.network.trials import MEMBERS
from tests.operations.pages import Page, consortium, trained

from collegium.network.free_port import free_port
from collegium.simulation.execution import run

CHANGES = ("training.rounds=25", "evaluation.bootstrap=0", "study.attendance=all")


@pytest.mark.long
def test_the_study_goes_on_with_another_sequencer_to_the_same_model(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial", CHANGES) as at:
        backup = at.place / "sequencer-backup"
        for name in ("keys", "authority"):
            shutil.copytree(at.folder / "sequencer" / name, backup / name)
        shutil.copy(at.folder / "sequencer" / "genesis.json", backup)
        at.until("va", lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 2)
        at.end("sequencer")
        assert not trained(at.status("va"))
        at.words["4200"] = str(free_port("127.0.0.1"))
        page = Page("move-sequencer.md", at)
        page.follow("collegium sequencer init sequencer-2 --of sequencer-backup")
        page.follow("collegium sequencer start sequencer-2 --from hungarian")
        moving = ("sed", "collegium node stop cleveland", "collegium node start cleveland")
        first = page.commands(3)
        page.follow(*moving)
        for name in MEMBERS[1:]:
            for command in first:
                at.run(command.replace("cleveland", name))
        for name in MEMBERS:
            at.until(name, trained, 60)
        assert "cleveland: following" in page.follow("collegium node status cleveland")
        page.follow("collegium verify cleveland")
        page.done()
        model = at.status("cleveland").studies[0].model
    assert model == run("heart", out=tmp_path / "solo", changes=CHANGES).model
