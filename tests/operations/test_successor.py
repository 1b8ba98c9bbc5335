"""Half of the members are lost, and the others go on under a successor's genesis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.operations.pages import Page, consortium, trained

from collegium.network.free_port import free_port


@pytest.mark.long
def test_two_of_four_go_on_from_the_last_final_checkpoint(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial") as at:
        at.until("cleveland", trained)
        for name in ("switzerland", "va", "sequencer"):
            at.end(name)
        before = at.status("cleveland").final_size
        at.words["4200"] = str(free_port("127.0.0.1"))
        page = Page("successor.md", at)
        page.follow("collegium node stop cleveland", "collegium node stop hungarian")
        page.follow("collegium sequencer init sequencer-2")
        told = page.follow("collegium sequencer found sequencer-2")
        assert f"It continues after {before} entries" in told
        at.words["SUCCESSOR"] = told.splitlines()[1]
        page.follow("collegium node request", "collegium node request")
        page.follow("collegium sequencer certify", "collegium sequencer certify")
        page.follow("collegium sequencer start")
        for name in ("cleveland", "hungarian"):
            assert "Its copy matches the genesis" in page.follow(f"collegium node succeed {name}")
            page.follow(f"cp for-{name}", "sed", f"collegium node start {name}")
        for name in ("cleveland", "hungarian"):
            at.until(name, lambda one: one.state == "following")
        assert "hungarian: following" in page.follow("collegium node status hungarian")
        assert "genesis.successor" in page.follow("collegium verify hungarian")
        shown = page.follow("collegium verify hungarian --partial --genesis SUCCESSOR --pre")
        assert f"it goes on after {before} entries of the ledger in hungarian/past" in shown
        page.done()


@pytest.mark.long
def test_a_successor_that_leaves_out_what_is_final_is_refused(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial") as at:
        at.until("va", lambda one: one.size > 0)
        at.run("collegium node stop va")  # it is behind from here on
        for name in ("cleveland", "hungarian", "switzerland"):
            at.until(name, lambda one: one.final_size > 0)
        at.until("cleveland", lambda one: one.final_size > held(at.place / "va"))
        at.run("collegium node stop cleveland")
        at.run("collegium sequencer init s2 --host 127.0.0.1 --port 4200")
        at.run("collegium sequencer found s2 cleveland/card.json va/card.json --successor-of va")
        said = at.run("collegium node succeed cleveland s2/genesis.json --json || true")
        assert json.loads(said)["error"] == "home.successor"
        assert "leaves out what is final" in said
        assert not (at.place / "cleveland" / "past").exists()


def held(home: Path) -> int:
    from collegium.ledger.final import read_final

    return int((read_final(home) or "\n0").splitlines()[1])
