"""An engine of another package runs a study by simulation and by nodes, through the seam alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from examples import second_verifier
from tests.ledger.engines import two_proposers
from tests.ledger.engines.two_proposers import JOINED, LAST

from collegium.assembly.folder import write_policy
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.ledger.frames import BLOCK, REFUSED, decode_block, read_frames
from collegium.ledger.genesis import CONTRACT_VERSION, FORMAT_VERSION, Genesis, Member
from collegium.ledger.ordering import LEDGER, Joins, Simulates
from collegium.network.founding import found
from collegium.network.plan import planned
from collegium.network.record import home_of
from collegium.network.run_folder import gather
from collegium.network.watch import statuses, wait_closed
from collegium.node.home import read_genesis
from collegium.node.start import serve_node
from collegium.plugins import BUILT_IN
from collegium.simulation.execution import run

NAME = "two_proposers"
OTHER = f"consensus.engine={NAME}"
QUICK = ["training.rounds=3", "evaluation.bootstrap=0"]


@pytest.fixture(autouse=True)
def _brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package had brought it by its entry points."""
    monkeypatch.setitem(BUILT_IN["engines"], NAME, f"{two_proposers.__name__}:ENGINE")
    monkeypatch.setitem(
        BUILT_IN["certificates"], two_proposers.CERTIFICATE, f"{two_proposers.__name__}:certified"
    )


@pytest.fixture(scope="module")
def solo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model that `solo` comes to."""
    return run("heart", out=tmp_path_factory.mktemp("solo") / "run", changes=QUICK).model


class Uncertified(two_proposers.Engine):
    """Its blocks name no certificate."""

    def export(self, home: Path, genesis: Genesis, path: Path, warn: Callable[[str], None]) -> str:
        path.write_bytes((home / LEDGER).read_bytes())
        return ""

    def merged(self, certificates: Sequence[str]) -> str:
        return ""


def test_a_run_folder_of_blocks_without_a_certificate_has_no_empty_one(tmp_path: Path) -> None:
    home = home_of(tmp_path, "ada")
    home.mkdir(parents=True)
    (home / LEDGER).write_bytes(b"blocks")
    ada = Member("ada", "a" * 43, "Ada", 1, ("validator",))
    genesis = Genesis("chain", CONTRACT_VERSION, FORMAT_VERSION, "held", (ada,), ())
    gather(tmp_path, ["ada"], genesis, "study", Uncertified(), print)
    assert (tmp_path / LEDGER).read_bytes() == b"blocks"
    assert not (tmp_path / "final").exists()


def test_it_satisfies_what_the_seam_asks() -> None:
    assert isinstance(two_proposers.ENGINE, Simulates)
    assert isinstance(two_proposers.ENGINE, Joins)


def require_sound(folder: Path) -> None:
    """Check that a run folder holds what this ordering is to show, and verifies."""
    frames = list(read_frames((folder / LEDGER).read_bytes()))
    headers = [decode_block(one.body) for one in frames if one.kind == BLOCK]
    assert any(one.kind == REFUSED for one in frames)
    assert {one.proposer for one in headers} == {"cleveland", "hungarian"}
    assert {one.certificate for one in headers} == {"both"}
    assert not all(one.count for one in headers), "some are empty"
    told = verify(folder, trust=policy_root(folder / "policy.json"))
    assert [one for one in told.findings if one.severity == "error"] == []
    assert told.ok
    assert told.complete
    assert told.checked["blocks"] == len(headers)
    assert second_verifier.verify(folder, folder / "policy.json") == []
    (folder / "final").write_text((folder / "final").read_text().replace(" ", "  ", 1))
    assert {one.code for one in verify(folder).findings} >= {"certificate.invalid"}


def test_a_simulation_comes_to_the_same_model(tmp_path: Path, solo: str) -> None:
    done = run("heart", out=tmp_path / "run", changes=[*QUICK, OTHER])
    assert (done.outcome, done.model) == ("completed", solo)
    together = LAST.pop()
    assert sum(one.undone for one in together.members.values()) > 3, "forks were undone"
    assert any(len(set(heights)) > 1 for heights in together.heights), "some were behind"
    require_sound(tmp_path / "run")
    copies = {one.application.path.read_bytes() for one in together.members.values()}
    longest = max(copies, key=len)
    assert all(longest.startswith(one) for one in copies)


@contextmanager
def nodes(folder: Path, members: tuple[str, ...]) -> Iterator[None]:
    """Run the nodes of a founded consortium, each in a thread."""
    stopped = Event()
    threads = [
        Thread(target=serve_node, args=(home_of(folder, one), lambda: None, stopped), daemon=True)
        for one in members
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


# A node that logs while another one closes its log opens the file again: only threads can do that.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nodes_come_to_the_same_model(tmp_path: Path, solo: str) -> None:
    prepared = planned("heart", None, [*QUICK, OTHER, "study.attendance=all"])
    record = found(tmp_path, prepared)
    assert (record.engine, record.services, record.url) == (NAME, {}, "")
    with nodes(tmp_path, record.members):
        closed = wait_closed(tmp_path, record, lambda done, of: None, 120.0)
        told = [one for one in statuses(tmp_path, record).values() if one is not None]
        assert {one.state for one in told} == {"following"}
        assert {one.cosignatures for one in told} == {("cleveland", "hungarian")}
    assert (closed.outcome, closed.model) == ("completed", solo)
    assert sum(one.undone for one in JOINED) > 3, "forks were undone"
    held, _ = read_genesis(home_of(tmp_path, record.members[0]))
    gather(tmp_path, record.members, held, record.study, two_proposers.ENGINE, print)
    write_policy(tmp_path, (home_of(tmp_path, "va") / "genesis.json").read_bytes(), None)
    require_sound(tmp_path)
