"""What a running sequencer says of itself to its operator, and how it is told to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from time import monotonic

import msgspec

from collegium.errors import RunError
from collegium.ledger.durability import sole_user
from collegium.transport.ending import end_process
from collegium.transport.loopback_page import LoopbackPage, ask_process, status_pages

WITHIN = 60.0
"""Seconds that a sequencer has to end."""


class SequencerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a sequencer stands.

    Attributes:
        pid: its process; `url` where it listens; `version` the release that runs.
        ready: whether enough members have presented themselves, so that it orders.
        size: entries that it holds; `final` of them are final.
        waiting: transactions that are in no block yet.
        presented: members that have presented themselves since the start.
        cosigned: who has cosigned the last block; `awaited` the validators who have not, while it
            is not final; `stalled` for how many seconds looks have seen them awaited.
        certificate_days: days for which its certificate holds, None where it cannot be read.
        refuses: why it refused certificates within two minutes, and of which addresses.
        disk: what its disk refuses, by path and reason; empty while it does what it should.
    """

    ready: bool
    size: int
    final: int
    waiting: int
    presented: tuple[str, ...]
    cosigned: tuple[str, ...]
    awaited: tuple[str, ...]
    disk: str
    stalled: float = 0.0
    certificate_days: float | None = None
    pid: int = 0
    url: str = ""
    version: str = ""
    refuses: str = ""


def sequencer_metrics(status: SequencerStatus) -> Iterator[str]:
    """Yield the lines of a status in Prometheus's text format (version 0.0.4)."""
    for name, about, value in (
        ("ready", "1 while it orders", status.ready),
        ("entries", "Entries of the ledger that are held", status.size),
        ("final_entries", "Entries of the ledger that are final", status.final),
        ("waiting_transactions", "Transactions that are in no block yet", status.waiting),
        ("presented", "Members that have presented themselves", len(status.presented)),
        ("awaited", "Validators that have not cosigned the block that waits", len(status.awaited)),
        ("stalled_seconds", "Time for which a block has lacked cosignatures", status.stalled),
        ("disk_fails", "1 while the disk refuses to write, or is rotten", bool(status.disk)),
        (
            "certificate_days",
            "Days for which its certificate holds",
            0 if status.certificate_days is None else status.certificate_days,
        ),
    ):
        yield f"# HELP collegium_sequencer_{name} {about}."
        yield f"# TYPE collegium_sequencer_{name} gauge"
        yield f"collegium_sequencer_{name} {int(value)}"


def serve_status(home: Path, port: int, ask: Callable[[], SequencerStatus]) -> LoopbackPage:
    """Serve a sequencer's ``/status`` and ``/metrics`` on loopback; `ask` says how it stands."""
    seen: dict[int, float] = {}

    def look() -> SequencerStatus:
        now, found = monotonic(), ask()
        since = seen.get(found.size, now)
        seen.clear()
        if found.awaited:
            seen[found.size] = since
        stalled = round(now - since, 3) if found.awaited else 0.0
        return msgspec.structs.replace(found, stalled=stalled)

    return LoopbackPage(home, port, status_pages(look, sequencer_metrics))


def ask_sequencer(home: Path, seconds: float = 5.0) -> SequencerStatus:
    """Return the status of the sequencer that runs in a home.

    Raises:
        RunError: none runs there, or it does not answer.
    """
    return ask_process(home, SequencerStatus, seconds, lambda why, absent: RunError(
        "sequencer.not-running", f"no sequencer answers for {home}", why,
        f"start it with `collegium sequencer start {home}`",
    ))  # fmt: skip


def held_home(home: Path) -> AbstractContextManager[None]:
    """Hold a sequencer's home for this process alone; see `sole_user`."""
    return sole_user(home, lambda: RunError(
        "sequencer.busy", f"a sequencer runs in {home} already",
        "two with one log key would sign two histories",
        "see it with `collegium sequencer status`; stop it first",
    ))  # fmt: skip


def stop_sequencer(home: Path) -> int:
    """Ask the sequencer of a home to end, wait until its home is free, and return its pid.

    Raises:
        RunError: none runs there, it is somebody else's, or it does not end.
    """
    pid = ask_sequencer(home).pid
    failed = partial(_not_ended, home, pid)
    return end_process(pid, partial(held_home, home), WITHIN, failed, failed)


def _not_ended(home: Path, pid: int, why: str) -> RunError:
    return RunError(
        "sequencer.stop", f"the sequencer of {home} (pid {pid}) does not end", why,
        "see what its sequencer.log says last, or stop it as whoever started it",
    )  # fmt: skip
