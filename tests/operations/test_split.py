"""A liar gives each half of the members a block; operators agree on one, and the study goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.perturbing import child_of, kill
from tests.network.test_lying_sequencer import lied_to
from tests.network.trials import MEMBERS
from tests.operations.pages import Consortium, Page, trained

from collegium.network.processes import stop
from collegium.transport.log_engine import SEQUENCER

DECEIVED = ("switzerland", "va")


def blocks(at: Consortium) -> dict[str, str]:
    """What each member has cosigned and is not final."""
    found = {name: at.status(name).bound for name in MEMBERS}
    return {name: bound.block for name, bound in found.items() if bound is not None}


def until_presented(at: Consortium, count: int) -> None:
    """Wait until the sequencer has heard so many members."""
    end = monotonic() + 30
    journal = at.folder / SEQUENCER / "sequencer.log"
    while not journal.exists() or journal.read_text().count('"event":"presented"') < count:
        assert monotonic() < end
        sleep(0.02)


@pytest.mark.long
def test_one_member_gives_its_block_up_and_all_agree_again(tmp_path: Path) -> None:
    with lied_to(tmp_path / "trial", "equivocate", DECEIVED) as record:
        at = Consortium(tmp_path / "trial", record)
        for name in MEMBERS:
            at.until(name, lambda one: one.bound is not None and one.since_final > 1.0)
        kill(at.folder, SEQUENCER)
        held = blocks(at)
        assert held["cleveland"] == held["hungarian"] != held["switzerland"] == held["va"]
        final = {at.status(name).final_size for name in MEMBERS}
        assert len(final) == 1, "nobody takes either for final"
        os.kill(child_of(at.folder, "va").pid, signal.SIGSTOP)
        page = Page("split.md", at)
        try:
            page.follow("collegium sequencer start")
            until_presented(at, 3)  # two of them hold one block, so that it is the one
            os.kill(child_of(at.folder, "va").pid, signal.SIGCONT)
            for name in MEMBERS:
                at.until(name, lambda one: one.state == "following" and one.since_final > 1.0)
                assert f"cosigned  {held[name]}" in page.follow(f"collegium node status {name}")
            for name in DECEIVED:
                at.until(name, lambda one: "another block" in one.errors.get("cosigning", ""))
            assert {at.status(name).final_size for name in MEMBERS} == final, "a person decides"
            at.words["BLOCK"] = held["va"]
            said = page.follow("collegium node stop va", "collegium node release va")
            assert held["va"] in said
            page.follow("collegium node release va --block", "collegium node start va")
            for name in MEMBERS:
                at.until(name, trained, 90)
            assert "va: following" in page.follow("collegium node status va")
            page.follow("collegium verify va")
            page.done()
            assert list((at.place / "va" / "evidence").glob("released-*"))
            assert list((at.place / "switzerland" / "evidence").glob("fork-*"))
        finally:
            stop(at.started)
