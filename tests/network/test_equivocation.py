"""A member that says two things, as a process: it ends as evidence on everybody's ledger."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from tests.commands import environment
from tests.network.trials import FOR_ALL, no_progress, started, trial

from collegium.canonical import from_text
from collegium.federation.identity import Identity
from collegium.ledger.contract.transactions import StudyAccept, UpdateCommit
from collegium.ledger.keys import KEY_SIZE
from collegium.network.record import NetworkRecord, home_of
from collegium.network.trial import verify_members
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.config import order_of, read_config
from collegium.node.home import read_genesis, read_keys
from collegium.node.status import NodeStatus
from collegium.transport.client import connect


def va(folder: Path) -> Identity:
    """The member whose key is used twice: whoever has its home can."""
    genesis, digest = read_genesis(home_of(folder, "va"))
    (public,) = (from_text(one.key, KEY_SIZE) for one in genesis.members if one.id == "va")
    found = read_keys(home_of(folder, "va"), lambda: None).identity("va", digest, public)
    assert found is not None
    return found


def test_who_says_two_things_is_named_on_every_ledger_and_the_study_goes_on(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*FOR_ALL, "training.rounds=4")) as record:
        record = started(folder)
        until_round(folder, record, 2)
        home, who = home_of(folder, "va"), va(folder)
        late = who.sign(UpdateCommit, study="heart", round=1, attempt=1, commitment="A" * 43)
        other = who.sign(
            StudyAccept, study="heart", code="A" * 43, document="A" * 43, snapshot="A" * 43,
            weight=1,
        )  # fmt: skip
        with closing(connect(home, order_of(read_config(home)))) as line:
            answers = line.submit([late, other])
        assert [getattr(one, "code", "") for one in answers] == ["stale", "already"]
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "completed"
        assert closed.closed_rounds == 4
        said_twice = ("va/study.accept/heart", "va/update.commit/heart/1/1")
        until = monotonic() + 30
        while not all(one and one.equivocations == said_twice for one in all_of(folder, record)):
            assert monotonic() < until, all_of(folder, record)
            sleep(0.05)
        for member, found in verify_members(folder, record).items():
            assert found.ok, member
            faults = [one for one in found.findings if "equivoc" in one.code]
            assert len(faults) == 2
            assert all("va" in one.what for one in faults)
        command = ["node", "status", str(home_of(folder, "hungarian"))]
        said = subprocess.run(
            [sys.executable, "-m", "collegium", *command],
            env=environment(), capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert "va signed two conflicting messages: update.commit heart 1 1" in said.stdout


def all_of(folder: Path, record: NetworkRecord) -> list[NodeStatus | None]:
    return list(statuses(folder, record).values())


def until_round(folder: Path, record: NetworkRecord, number: int) -> None:
    """Wait until a round is open at the member whose words are doubled."""
    until = monotonic() + 60
    while True:
        study = study_of(statuses(folder, record)["va"], "heart")
        if study is not None and study.round >= number:
            return
        assert monotonic() < until
        sleep(0.02)
