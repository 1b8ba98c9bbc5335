"""What runs in a member's home, and how much room it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collegium.errors import NodeError
from collegium.ledger.examining import Diagnosis, sound, wrong
from collegium.ledger.ordering import LEDGER
from collegium.node.home import BLOBS, ORDERS, OUTBOX, PAST, RELEASED, WAITING
from collegium.node.room import GIB, count
from collegium.node.status import NodeStatus
from collegium.node.status_page import SERVED, ask_status
from collegium.node.structured_log import LOG
from collegium.transport.machine import MOUNTS, Program, examine_file_system, silent

NODE = Program("node", "node.toml", "node.port", "node.restart", "node.not-running")

WRITTEN = (
    LEDGER, BLOBS, OUTBOX, WAITING, RELEASED, ORDERS, PAST, "final", "cosigned", "evidence", LOG,
)  # fmt: skip
"""What a node writes in its home, by name."""


def running(home: Path) -> tuple[NodeStatus | None, Diagnosis]:
    """Return the status of the node that runs in a home, None where none answers, and in words."""
    try:
        status = ask_status(home)
    except NodeError as error:
        if (home / SERVED).exists():
            return None, wrong("node", silent(home, NODE, error.why), "warning")
        return None, sound("node", "does not run")
    told = f"runs (pid {status.pid}), {status.state}"
    if status.state in ("starting", "following"):
        return status, sound("node", told)
    return status, wrong("node", NodeError(
        "node.state", f"it {told}", status.trouble or "it does not say why",
        "see `collegium node status`, and what is wrong below",
    ), "warning" if status.state == "away" else "error")  # fmt: skip


def examine_disk(home: Path, quota: float, mounts: Path = MOUNTS) -> Iterator[Diagnosis]:
    """Yield how much room there is, and on what kind of file system.

    Args:
        home: the member's.
        quota: GiB that its blobs may take.
        mounts: what is mounted, as Linux tells it.
    """
    filled = count(home / BLOBS, quota)
    if filled.trouble is not None:
        full = not filled.left
        yield wrong("disk", NodeError(
            "home.full" if full else "home.fills", *_halved(filled.trouble),
            "raise home.quota, give the disk more room, or let updates go (blobs.retention)",
        ), "error" if full else "warning")  # fmt: skip
    else:
        told = f"{filled.used / GIB:.2f} GiB of {quota:g} GiB are taken"
        yield sound("disk", f"{told}, and there is room for {filled.left / GIB:.2f} GiB")
    yield from examine_file_system(home, NODE, mounts)


def _halved(text: str) -> tuple[str, str]:
    what, _, why = text.partition(": ")
    return what, why
