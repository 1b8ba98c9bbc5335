"""Watching a trial: who answers, how far the study is, and whether a process has died."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep

from collegium.errors import NodeError, RunError
from collegium.ledger.contract.series import called
from collegium.network.processes import ChildProcess, adopted, is_alive, last_lines
from collegium.network.record import OUTPUT, NetworkRecord, home_of
from collegium.node.status import NodeStatus, StudyStatus
from collegium.node.status_page import ask_status
from collegium.transport.sequencer_status import ask_sequencer

Progress = Callable[[int, int], None]

LOOK_EVERY = 0.2
READY_WITHIN = 60.0
"""Seconds in which every node must have reached the sequencer."""

ANSWERS_WITHIN = 2.0

PATIENCE = 900.0
"""Seconds: longer than members wait for each other before they give a trial's study up."""


def statuses(folder: Path, record: NetworkRecord) -> dict[str, NodeStatus | None]:
    """Return every member's status, None where its node does not answer."""
    found: dict[str, NodeStatus | None] = {}
    for member in record.members:
        try:
            found[member] = ask_status(home_of(folder, member), ANSWERS_WITHIN)
        except NodeError:
            found[member] = None
    return found


def present(folder: Path, record: NetworkRecord) -> tuple[ChildProcess, ...]:
    """Return a trial's processes that run: on its record, or started again by hand.

    One of the latter is found by its answer, so that a paused one is not.
    """
    running = {child.name: child for child in record.running()}
    for name in (*record.services, *record.members):
        if name in running:
            continue
        home = folder / name if name in record.services else home_of(folder, name)
        found = adopted(name, _answering(name, home, record), home / OUTPUT)
        if found is not None and found.pid not in {child.pid for child in running.values()}:
            running[name] = found
    return tuple(running.values())


def _answering(name: str, home: Path, record: NetworkRecord) -> int:
    """Return the pid of what answers for a home, 0 where nothing does."""
    try:
        if name in record.services:
            return ask_sequencer(home, ANSWERS_WITHIN).pid
        status = ask_status(home, ANSWERS_WITHIN)
    except (NodeError, RunError):
        return 0
    return status.pid if status.member == name else 0


def study_of(status: NodeStatus | None, study: str) -> StudyStatus | None:
    """Return what a member says about a study, or None."""
    if status is None:
        return None
    return next((one for one in status.studies if one.study == study), None)


def wait_ready(folder: Path, record: NetworkRecord) -> None:
    """Wait until every node follows the sequencer.

    Raises:
        RunError: a process has died, or one takes too long.
    """
    until = monotonic() + READY_WITHIN
    while True:
        found = statuses(folder, record)
        if all(one is not None and one.state == "following" for one in found.values()):
            return
        require_alive(record.children)
        if monotonic() > until:
            raise _not_ready(found)
        sleep(LOOK_EVERY)


def wait_closed(
    folder: Path, record: NetworkRecord, progress: Progress, patience: float = PATIENCE,
    lost: Callable[[str], None] | None = None,
) -> StudyStatus:  # fmt: skip
    """Wait until every member knows the study as closed, and holds each of its blobs it may have.

    Who has ended is not waited for, where that is no failure.

    Args:
        folder: the trial's.
        record: its processes.
        progress: is told how many rounds are closed, and how many there are to be.
        patience: seconds in which nothing may happen: nothing becomes final, nobody trains.
        lost: is told of a process that has ended, and of one that is back; a failure if None.

    Returns:
        Where the study then stands.

    Raises:
        RunError: a process has died, a node has found the sequencer lying, the study cannot be
            registered, or nothing happens any more.
    """
    told, last, since = -1, None, monotonic()
    gone: set[str] = set()
    while True:
        found = statuses(folder, record)
        if lost is None:
            require_alive(record.children)
        else:
            gone = _gone(folder, record, gone, lost)
        _require_sound(found)
        now = [(one.final_size, one.missing_blobs) for one in found.values() if one is not None]
        if now != last or any(one is not None and one.training for one in found.values()):
            last, since = now, monotonic()
        elif monotonic() > since + patience:
            raise _stalled(found, record.study, patience)
        known = [study_of(one, record.study) for one in found.values()]
        seen = [one for one in known if one is not None]
        furthest = max(seen, key=lambda one: one.closed_rounds, default=None)
        if furthest is not None and furthest.closed_rounds != told:
            told = furthest.closed_rounds
            progress(told, furthest.rounds)
        awaited = [member for member in record.members if member not in gone]
        closed = [one for one in seen if one.phase == "closed"]
        complete = not any(one.missing_blobs for one in closed)
        if closed and len(closed) >= len(awaited) and complete:
            return closed[0]
        sleep(LOOK_EVERY)


def _gone(
    folder: Path, record: NetworkRecord, before: set[str], tell: Callable[[str], None]
) -> set[str]:
    """Return who does not run, and tell what has changed.

    Raises:
        RunError: nobody runs any more.
    """
    if all(is_alive(child) for child in record.children):
        return set()
    now = {child.name for child in record.children}
    now -= {child.name for child in present(folder, record)}
    if len(now) == len(record.children):
        require_alive(record.children)
    for name in sorted(now - before):
        what = " ".join(record.services.get(name, ("node", "start")))
        home = folder / name if name in record.services else home_of(folder, name)
        tell(f"{name} has ended; the others go on (again: collegium {what} {home})")
    for name in sorted(before - now):
        tell(f"{name} is back")
    return now


def require_alive(children: tuple[ChildProcess, ...]) -> None:
    """Check that every process still runs.

    Raises:
        RunError: one has ended; its last words are told.
    """
    for child in children:
        if not is_alive(child):
            words = " | ".join(last_lines(child)) or "it said nothing"
            raise RunError(
                "network.died", f"{child.name} has ended", words[-1000:],
                f"see {child.output}",
            )  # fmt: skip


def _require_sound(found: Mapping[str, NodeStatus | None]) -> None:
    for member, status in found.items():
        if status is None:
            continue
        if status.state == "halted":
            raise RunError(
                "network.halted", f"{member} has found the sequencer lying",
                status.trouble or "it does not say how",
                f"see the folder evidence in the home of {member}",
            )  # fmt: skip
        for name, why in status.proposals.items():
            raise RunError(
                "network.refused", f"{member} cannot register {name}", why,
                "change the study, and begin anew",
            )  # fmt: skip


def _stalled(found: Mapping[str, NodeStatus | None], study: str, patience: float) -> RunError:
    where = []
    for member, status in found.items():
        known = study_of(status, study)
        if status is None:
            where.append(f"{member} does not answer")
        elif known is None:
            where.append(f"{member} ({status.state}) knows no study")
        else:
            where.append(f"{member} ({status.state}) is in {known.phase}, {called(known.round)}")
    return RunError(
        "network.stalled", f"nothing has happened for {patience:.0f} seconds",
        "; ".join(where)[:1000], "see node.log in the members' homes, and `network status`",
    )  # fmt: skip


def _not_ready(found: Mapping[str, NodeStatus | None]) -> RunError:
    late = [
        f"{member}: {'no answer' if one is None else one.trouble or one.state}"
        for member, one in found.items()
        if one is None or one.state != "following"
    ]
    return RunError(
        "network.not-ready", f"not every node is ready after {READY_WITHIN:.0f} seconds",
        "; ".join(late)[:1000], "see node.log in the members' homes",
    )  # fmt: skip
