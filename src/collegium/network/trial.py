"""Starting and ending a trial consortium's processes, and verifying what its members hold."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from collegium.audit.findings import Verification
from collegium.audit.trust import genesis_root
from collegium.audit.verify import verify
from collegium.network.processes import ChildProcess, collegium, start, stop
from collegium.network.record import (
    OUTPUT,
    RECORD,
    NetworkRecord,
    home_of,
    keep_record,
    read_record,
)
from collegium.network.watch import present, wait_ready
from collegium.node.home import read_keys
from collegium.node.status_page import until_fetched
from collegium.signals import heeded

Stage = Callable[[str], None]
"""Is told what begins now, in a few words."""


def start_all(folder: Path, stage: Stage) -> NetworkRecord:
    """Start the processes of a trial that do not run, and wait until all are ready.

    Each is on record as soon as it runs, so that `stop_all` finds it whatever happens.

    Raises:
        RunError: a process ends, or is not ready in time.
    """
    record = read_record(folder)
    record = msgspec.structs.replace(record, children=present(folder, record))
    homes = {name: (folder / name, command) for name, command in record.services.items()}
    homes |= {member: (home_of(folder, member), ("node", "start")) for member in record.members}
    running = {child.name for child in record.children}
    beside = "".join(f"a {name} and " for name in record.services)
    stage(f"starting {beside}{len(record.members)} members")
    for name, (home, command) in homes.items():
        if name in running:
            continue
        child = start(name, collegium(*command, home.resolve()), home / OUTPUT)
        record = msgspec.structs.replace(record, children=(*record.children, child))
        keep_record(folder, record)
    wait_ready(folder, record)
    return record


def stop_all(folder: Path, spared: Collection[ChildProcess] = ()) -> list[ChildProcess]:
    """End every process of a trial that is alive; return those that were.

    Those that were started again by hand are among them.

    Args:
        folder: the trial's.
        spared: processes that go on.

    Raises:
        RunError: there is no trial in the folder.
    """
    record = read_record(folder)
    ended = stop(child for child in present(folder, record) if child not in spared)
    left = tuple(child for child in record.children if child in spared)
    if record.children != left:
        keep_record(folder, msgspec.structs.replace(record, children=left))
    return ended


@contextmanager
def ended_on_failure(folder: Path, spared: Collection[ChildProcess] = ()) -> Iterator[None]:
    """End a trial's processes, but those spared, where the block fails or is interrupted.

    It is interrupted also by SIGTERM, and by SIGHUP when a terminal is closed; who asked for that
    one to be ignored, as `nohup` does, is left alone.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    wanted = heeded("SIGTERM", "SIGHUP")
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    except BaseException:
        for number in wanted:  # a second one must not keep the children from being ended
            signal.signal(number, signal.SIG_IGN)
        if (folder / RECORD).exists():
            stop_all(folder, spared)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def verify_members(folder: Path, record: NetworkRecord) -> dict[str, Verification]:
    """Verify what each member holds, every one from its own home alone, against the genesis.

    Who does not run is left out: it does not hold everything yet. Its keys open the updates that
    were sealed to it, so that it recomputes every round.
    Their ledgers go on, so none is sealed: the history need not be complete.
    """
    trust = genesis_root(record.genesis)
    running = {child.name for child in present(folder, record)}
    return {
        member: verify(
            home_of(folder, member), trust=trust, partial=True,
            keys=read_keys(home_of(folder, member), lambda: None).ledger,
            settled=functools.partial(until_fetched, home_of(folder, member)),
        )
        for member in record.members
        if member in running
    }  # fmt: skip
