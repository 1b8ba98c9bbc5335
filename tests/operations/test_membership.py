"""Join, replace a key and leave as their pages say, in one consortium: the whole chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.network.trials import FOR_ALL
from tests.operations.pages import Consortium, Page, consortium

VOTERS = ("cleveland", "hungarian", "switzerland")
HANDED_OVER = ["ca.pem", "client.pem"]
"""What the sequencer's operator gives a member: no key."""


def decided(shown: str) -> bool:
    """Whether enough have agreed; while a round is open it takes effect after that."""
    return "  applied" in shown or "  accepted" in shown


def join(at: Consortium) -> None:
    page = Page("join.md", at)
    page.follow("collegium node init oslo", "collegium node request oslo")
    page.follow("collegium sequencer certify")
    assert sorted(path.name for path in (at.place / "for-oslo").iterdir()) == HANDED_OVER
    at.until("cleveland", lambda one: one.final_size > 0)
    page.follow("cp for-oslo", "cp cleveland/genesis.json", "collegium node start oslo")
    at.until("oslo", lambda one: one.state == "refused")
    assert "oslo: refused" in page.follow("collegium node status oslo")
    page.follow("collegium node propose cleveland admit")
    at.until("hungarian", lambda one: any(change.status == "open" for change in one.changes))
    shown = page.follow("collegium node proposals hungarian")
    assert "admit oslo (Oslo), validator, power 1, key" in shown
    votes = [page.follow(f"collegium node vote {name}") for name in VOTERS]
    assert [decided(one) for one in votes] == [False, False, True]
    at.until("oslo", lambda one: one.state == "following" and one.size >= at.status("va").size)
    page.follow("collegium node check oslo", "collegium verify oslo --partial --genesis")
    page.done()


def rotate(at: Consortium) -> None:
    page = Page("rotate.md", at)
    page.follow("collegium node rotate va", "collegium node vote va")
    at.until("cleveland", lambda one: any(change.status == "open" for change in one.changes))
    assert "rotate the key of va" in page.follow("collegium node proposals cleveland")
    page.follow("collegium node vote cleveland", "collegium node vote hungarian")
    at.run("collegium node vote switzerland PROPOSAL yes")  # five validate here: four must agree
    at.until("va", lambda one: all(change.status == "applied" for change in one.changes))
    assert "va: following" in page.follow("collegium node status va")


def leave(at: Consortium) -> None:
    page = Page("leave.md", at)
    page.follow("collegium node propose oslo expel oslo", "collegium node vote oslo")
    at.until("cleveland", lambda one: any(change.status == "open" for change in one.changes))
    assert "expel oslo" in page.follow("collegium node proposals cleveland")
    votes = [page.follow(f"collegium node vote {name}") for name in VOTERS]
    assert [decided(one) for one in votes] == [False, False, True]
    at.until("cleveland", lambda one: all(change.status == "applied" for change in one.changes))
    assert "expel oslo\n  applied" in page.follow("collegium node proposals cleveland --all")
    at.until("oslo", lambda one: one.state == "expelled")
    assert "oslo: expelled" in page.follow("collegium node status oslo")
    page.follow("collegium node stop oslo")
    page.done()


def lose_the_key(at: Consortium) -> None:
    page = Page("rotate.md", at)
    page.skip(6)
    at.run("collegium node stop va")
    for key in (at.place / "va" / "keys").glob("ledger*.pem"):
        key.unlink()
    page.follow("collegium node rotate va --out", "collegium node start va")
    at.until("va", lambda one: "node.key" in one.errors.get("member", ""))
    page.follow("collegium node propose cleveland rotate")
    page.follow(*(f"collegium node vote {name}" for name in VOTERS))
    at.until("va", lambda one: all(change.status == "applied" for change in one.changes))
    at.until("va", lambda one: "member" not in one.errors)
    assert "va: following" in page.follow("collegium node status va")
    page.done()


def watch(at: Consortium) -> None:
    page = Page("monitoring.md", at)
    assert "va: following" in page.follow("collegium node status va")
    assert "sequencer: ordering" in page.follow("collegium sequencer status")
    assert 'collegium_node_following{member="va"} 1' in page.follow("curl")
    assert "collegium_sequencer_ready 1" in page.follow("curl")
    page.done()


def renew(at: Consortium) -> None:
    page, tls = Page("certificates.md", at), at.place / "va" / "tls"
    key, before = (tls / "client.key").read_bytes(), (tls / "client.pem").read_bytes()
    page.follow("collegium node request va", "collegium sequencer certify", "cp for-va")
    assert (tls / "client.key").read_bytes() == key
    assert (tls / "client.pem").read_bytes() != before
    assert "va: following" in page.follow("collegium node status va")
    page.done()


@pytest.mark.long
def test_a_member_joins_catches_up_and_cosigns(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial") as at:
        at.until("va", lambda one: one.state == "following")
        watch(at)
        renew(at)
        join(at)
        at.run("collegium node propose oslo expel oslo")  # any block: all five judge it
        at.until("oslo", lambda one: at.cosigners() == {*VOTERS, "va", "oslo"})


@pytest.mark.long
def test_training_goes_on_while_a_validator_joins(tmp_path: Path) -> None:
    with consortium(tmp_path / "trial", (*FOR_ALL, "training.rounds=5000"), phase=600.0) as at:
        at.until("va", lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 3)
        join(at)
        closed = at.status("va").studies[0].closed_rounds
        at.until("va", lambda one: one.studies[0].closed_rounds >= closed + 10)
        at.until("cleveland", lambda one: "oslo" in one.cosignatures)
        assert at.status("va").studies[0].attempt == 1


@pytest.mark.long
def test_a_lost_key_is_replaced_then_one_joins_another_replaces_its_key_and_one_leaves(
    tmp_path: Path,
) -> None:
    with consortium(tmp_path / "trial") as at:
        lose_the_key(at)
        join(at)
        rotate(at)
        leave(at)
        at.until("va", lambda one: at.cosigners() >= {*VOTERS, "va"})
