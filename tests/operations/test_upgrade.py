"""Nodes are stopped one after another in training, and start again with another release."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.network.trials import MEMBERS
from tests.operations.pages import Page, consortium, trained

import collegium
from collegium.simulation.execution import run

CHANGES = ("training.rounds=60", "evaluation.bootstrap=0", "study.attendance=all")


def release(folder: Path) -> Path:
    """A copy of the package whose training code has other bytes and does the same."""
    copy = shutil.copytree(Path(collegium.__file__).parent, folder / "collegium")
    with (copy / "learning" / "dense.py").open("a") as file:
        file.write("# another release\n")
    return folder


@pytest.mark.long
def test_a_running_study_goes_on_over_other_code_and_the_next_registers_it(tmp_path: Path) -> None:
    other = {"PYTHONPATH": str(release(tmp_path / "release"))}
    with consortium(tmp_path / "trial", CHANGES) as at:
        at.until("va", lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 1)
        page = Page("upgrade.md", at)
        page.follow("collegium node status va")
        steps = page.commands(2)
        page.follow("collegium node stop va")
        page.follow("collegium node start va", env=other)
        at.until("va", lambda one: one.state == "following")
        assert "va: following" in page.follow("collegium node status va")
        assert not trained(at.status("va")), "the study was too short for this test"
        assert "study accepted over other code" in page.follow("grep")
        page.follow("collegium verify cleveland")
        page.done()
        for name in MEMBERS[:3]:
            for command in steps:
                at.run(command.replace("va", name), env=other)
            at.until(name, lambda one: one.state == "following")
        for name in MEMBERS:
            at.until(name, trained, 90)
        model = at.status("va").studies[0].model
        old, new = at.registered_code("heart"), None
        text = (at.place / "cleveland" / "studies" / "heart.toml").read_text()
        again = text.replace('id = "heart"', 'id = "heart-2"')
        (at.place / "cleveland" / "studies" / "heart-2.toml").write_text(again)
        at.until("va", lambda one: len(one.studies) == 2)
        new = at.registered_code("heart-2")
        assert new is not None
        assert old != new
    assert model == run("heart", out=tmp_path / "solo", changes=CHANGES).model
