"""A node that is paused for several rounds, over real processes: the others wait for it once.

When it goes on it says that it is there, by itself, and its updates are counted again.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.cables import change_settings
from tests.network.perturbing import child_of
from tests.network.trials import MEMBERS, QUICK, no_progress, started, trial

from collegium.audit.history import read_history
from collegium.ledger.contract.events import MemberBack, MembersSilent, MembersSkipped, RoundOpened
from collegium.ledger.ordering import LEDGER
from collegium.network.record import NetworkRecord, home_of
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.status import StudyStatus

PHASE = 4.0
"""Seconds after which a phase times out."""

SKIPPED = 8
"""Rounds that close without the paused one."""

QUORUM = (*QUICK, "training.rounds=60", "study.attendance=quorum", "study.min_sites=3")


def heart(folder: Path, record: NetworkRecord) -> StudyStatus | None:
    """The study as the first member sees it, who is never paused."""
    return study_of(statuses(folder, record)[MEMBERS[0]], record.study)


def until(
    folder: Path, record: NetworkRecord, holds: Callable[[StudyStatus], bool], seconds: float
) -> StudyStatus:
    end = monotonic() + seconds
    while (found := heart(folder, record)) is None or not holds(found):
        assert monotonic() < end, found
        sleep(0.05)
    return found


@pytest.mark.long
def test_a_paused_node_is_waited_for_once_and_comes_back_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, QUORUM) as record:
        for name in MEMBERS:
            change_settings(folder, name, "phase = 30.0", f"phase = {PHASE}")
        record = started(folder)
        began = until(folder, record, lambda one: one.closed_rounds > 0, 60).closed_rounds
        pid, since = child_of(folder, "va").pid, monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            one = until(folder, record, lambda one: bool(one.silent), 6 * PHASE + 30)
            first = monotonic() - since
            assert {who.member for who in one.silent} == {"va"}
            roles = {"participants", "validators"}
            both = until(folder, record, lambda one: len(one.silent) == len(roles), 3 * PHASE + 30)
            assert {who.speakers for who in both.silent} == roles
            before = until(
                folder, record, lambda one: one.closed_rounds > both.closed_rounds, 2 * PHASE + 30
            ).closed_rounds
            start = monotonic()
            wanted = before + SKIPPED
            after = until(folder, record, lambda one: one.closed_rounds >= wanted, 60)
            rate = (after.closed_rounds - before) / (monotonic() - start)
            print(f"{began=} first mark after {first:.1f} s; {60 * rate:.1f} rounds a minute")
            assert rate > 1 / PHASE, "a round takes less than one timer, where it took two"
        finally:
            os.kill(pid, signal.SIGCONT)
        until(folder, record, lambda one: not one.silent or one.phase == "closed", 60)
        closed = wait_closed(folder, record, no_progress)
        verified = verify_members(folder, record)
        stop_all(folder)
        assert closed.outcome == "completed"
        assert all(one.ok for one in verified.values()), verified
        events = [
            event
            for entry in read_history((home_of(folder, "va") / LEDGER).read_bytes()).said
            for event in entry.events
        ]
    skipped = [one.round for one in events if isinstance(one, MembersSkipped)]
    opened = [one for one in events if isinstance(one, RoundOpened)]
    back = [index for index, one in enumerate(events) if isinstance(one, MemberBack)]
    assert len(skipped) >= SKIPPED
    assert {one.members for one in events if isinstance(one, MembersSilent)} == {("va",)}
    assert back
    assert "va" in opened[-1].participants
    assert all(("va" in one.participants) == (one.round not in skipped) for one in opened)
    found = verified["va"].findings
    assert not [one for one in found if one.severity == "fault"]
    (told,) = (one for one in found if one.code == "site.skipped")
    assert told.parameters["members"] == ("va",)
    assert told.parameters["count"] == len(skipped)
    print(told.what, "|", told.where)
