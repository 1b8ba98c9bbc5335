"""Nodes that are killed before they send, or restored from a backup, say the same or nothing."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest
from tests.network.perturbing import begin, child_of, kill, on_record
from tests.network.trials import LONGEST, MEMBERS, QUICK, no_progress, started, trial

import collegium
from collegium.audit.findings import Verification
from collegium.audit.history import read_history
from collegium.canonical import to_text
from collegium.errors import NodeError
from collegium.federation.outbox import Outbox
from collegium.learning.blobs import digest
from collegium.ledger.contract.series import EVALUATION, is_sum
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    Transaction,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.ordering import LEDGER
from collegium.mechanisms.secagg.terms import SharePost
from collegium.network.processes import is_alive, start, stop
from collegium.network.record import OUTPUT, home_of, read_record
from collegium.network.trial import verify_members
from collegium.network.watch import wait_closed
from collegium.node.home import OUTBOX
from collegium.node.status import NodeStatus
from collegium.node.status_page import ask_status

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
MASKED = (
    *QUICK, "study.attendance=all", 'privacy.secure_aggregation={ protocol = "secagg" }',
)  # fmt: skip


def until(folder: Path, there: Callable[[NodeStatus], bool], member: str = "va") -> None:
    """Wait until a member's status is what a test wants."""
    end, status = monotonic() + LONGEST, None
    while True:
        try:
            status = ask_status(home_of(folder, member))
            if there(status):
                return
        except NodeError:
            status = None
        assert monotonic() < end, status
        sleep(0.02)


def start_dying(folder: Path, *when: str) -> None:
    """Start the node of va that is killed once its outbox has put what is named."""
    home, package = home_of(folder, "va").resolve(), Path(collegium.__file__).parents[1]
    command = ["/usr/bin/env", f"PYTHONPATH={package}:{ROOT}", sys.executable, "-m"]
    command += ["tests.network.dying", str(home), *when]
    on_record(folder, start("va", command, home / OUTPUT))


def kept_by_va(folder: Path, purpose: str, *, sums: bool) -> bytes:
    """The one thing of a purpose in va's outbox, of a sum of statistics or not."""
    with closing(Outbox(home_of(folder, "va") / OUTBOX)) as outbox:
        (value,) = [
            outbox.get(key)
            for key in list(outbox._bodies)
            if key.purpose == purpose and (key.round is not None and is_sum(key.round)) == sums
        ]
    assert value is not None
    return value


def said_by_va(folder: Path) -> Iterator[Transaction]:
    """What va says on the ledger, as hungarian has it."""
    data = (home_of(folder, "hungarian") / LEDGER).read_bytes()
    return (one.transaction for one in read_history(data).said if one.sender == "va")


def require_no_contradiction(found: dict[str, Verification]) -> None:
    assert set(found) == set(MEMBERS)
    for one in found.values():
        assert one.ok, one.findings
        assert not [finding for finding in one.findings if finding.severity == "fault"]


def spoil_rows(folder: Path) -> str:
    """Change one answer of va's rows; return what they were."""
    path = home_of(folder, "va") / "rows.csv"
    text = path.read_text()
    changed = text.replace("present", "absent", 1)
    assert changed != text
    path.write_text(changed)
    return text


@pytest.mark.parametrize("purpose", ["masked", "statements"])
def test_what_was_kept_and_not_sent_is_said_after_a_kill_and_nothing_over_other_rows(
    tmp_path: Path, purpose: str
) -> None:
    folder, sums = tmp_path / "trial", purpose == "masked"
    with trial(folder, (*MASKED, "training.rounds=1")):
        start_dying(folder, purpose, *(["sums"] if sums else []))
        started(folder)
        end = monotonic() + LONGEST
        while is_alive(child_of(folder, "va")):
            assert monotonic() < end
            sleep(0.02)
        kept = kept_by_va(folder, purpose, sums=sums)
        kind = UpdateCommit if sums else EvaluationPost
        late = [
            one
            for one in said_by_va(folder)
            if isinstance(one, kind) and (not isinstance(one, UpdateCommit) or is_sum(one.round))
        ]
        assert late == [], "it died before anything of it was sent"
        rows = spoil_rows(folder)
        child = begin(folder, "va")
        until(folder, lambda one: bool(one.studies) and bool(one.studies[0].refused))
        sleep(1.0)
        stop([child])
        assert kept_by_va(folder, purpose, sums=sums) == kept
        (home_of(folder, "va") / "rows.csv").write_text(rows)
        begin(folder, "va")
        closed = wait_closed(folder, read_record(folder), no_progress)
        assert closed.outcome == "completed"
        require_no_contradiction(verify_members(folder, read_record(folder)))
    if sums:
        (shown,) = [
            one.digest
            for one in said_by_va(folder)
            if isinstance(one, UpdateReveal) and one.round == EVALUATION
        ]
        assert shown == to_text(digest(kept))
    else:
        (posted,) = [one for one in said_by_va(folder) if isinstance(one, EvaluationPost)]
        _, statements = msgspec.json.decode(kept, type=tuple[bytes, dict[str, bytes]])
        assert posted.federated == to_text(digest(statements["federated"]))
        assert posted.local == to_text(digest(statements["local"]))


def test_a_home_from_an_old_backup_contradicts_nothing_that_it_has_said(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*MASKED, "training.rounds=12", "study.max_attempts=5")):
        started(folder)
        until(folder, lambda one: bool(one.studies) and one.studies[0].closed_rounds >= 1)
        home, backup = home_of(folder, "va"), tmp_path / "backup"
        shutil.copyfile(home / OUTBOX, backup)
        until(folder, lambda one: one.studies[0].closed_rounds >= 3)
        kill(folder, "va")
        size = (home / OUTBOX).stat().st_size
        assert backup.stat().st_size < size
        shutil.copyfile(backup, home / OUTBOX)
        (home / "cosigned").unlink()
        begin(folder, "va")
        closed = wait_closed(folder, read_record(folder), no_progress)
        assert closed.outcome == "completed"
        assert closed.closed_rounds == 12
        require_no_contradiction(verify_members(folder, read_record(folder)))
        opened = Counter(
            (one.round, one.attempt) for one in said_by_va(folder) if isinstance(one, SharePost)
        )
        assert max(opened.values()) == 1
