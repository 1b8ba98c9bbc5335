"""A member's disk fails in training, and its home is restored from a backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.network.trials import MEMBERS
from tests.operations.pages import Page, consortium, trained

from collegium.ledger.engines.log.witness import RETURNS

CHANGES = ("training.rounds=25", "evaluation.bootstrap=0")


@pytest.mark.long
def test_a_restored_member_waits_then_cosigns_and_the_study_ends(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial", CHANGES, phase=3.0) as at:
        page = Page("backup.md", at)
        at.until("va", lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 2)
        page.follow("tar -czf")
        at.until("va", lambda one: one.studies[0].closed_rounds >= 4)
        at.end("va")
        shutil.rmtree(at.place / "va")
        page.follow("tar -xzf", "rm -f va/cosigned")
        assert not (at.place / "va" / "ledger.log").exists()
        page.follow("collegium node start va")
        for name in MEMBERS:
            at.until(name, trained, 90)
        at.until("va", lambda one: one.final_size == at.status("cleveland").final_size)
        assert "va: following" in page.follow("collegium node status va")
        page.follow("collegium verify va")
        page.skip(4)  # where its power is needed: below
        page.done()
        assert at.status("cleveland").studies[0].outcome == "completed"
        at.run("collegium node propose cleveland expel va")  # any block: it cosigns again
        at.until("va", lambda one: "va" in at.cosigners() and not one.errors)


@pytest.mark.long
def test_a_restored_home_verifies_while_training_goes_on_without_a_pause(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial", ("training.rounds=5000", "evaluation.bootstrap=0")) as at:
        page = Page("backup.md", at)
        at.until("va", lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 15)
        page.follow("tar -czf")
        at.end("va")
        shutil.rmtree(at.place / "va")
        page.follow("tar -xzf", "rm -f va/cosigned", "collegium node start va")
        at.until("va", lambda one: one.state == "following")
        page.follow("collegium node status va", "collegium verify va")
        assert at.status("va").studies[0].phase != "closed"


@pytest.mark.long
def test_where_nothing_becomes_final_without_it_its_operator_lets_it_go_on(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial", ("training.rounds=2", "evaluation.bootstrap=0")) as at:
        for name in MEMBERS:
            at.until(name, trained)
        at.run("collegium node stop va")
        at.run("collegium node stop switzerland")
        (at.place / "va" / "cosigned").unlink()
        at.run("collegium node start va")
        at.until("va", lambda one: one.state == "following")
        # two of four cosign, and va may not: nothing becomes final, and the order has no answer
        said = at.run("collegium node propose cleveland expel va --wait 3 --json || true")
        assert "node.unanswered" in said
        at.until("va", lambda one: one.errors.get("cosigning") == RETURNS)
        assert not (at.place / "va" / "cosigned").exists(), "it has said nothing"
        page = Page("backup.md", at)
        page.skip(6)
        told = page.follow("collegium node stop va", "collegium node release va")
        at.words["BLOCK"] = told.split()[-1]
        page.follow("collegium node release va --block", "collegium node start va")
        page.done()
        at.until("va", lambda one: one.final_size == one.size and "cosigning" not in one.errors)
        at.run("collegium node propose cleveland expel switzerland")
        at.until("va", lambda one: "va" in at.cosigners())
