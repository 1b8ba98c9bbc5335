"""The machine under a home: who runs the node, its disk, its open files, its status page's port."""

from __future__ import annotations

import os
import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from collegium.errors import NodeError, reason_of
from collegium.ledger.examining import Diagnosis, sound, wrong
from collegium.ledger.ordering import LEDGER
from collegium.node.home import BLOBS, ORDERS, OUTBOX, PAST, RELEASED, WAITING
from collegium.node.room import GIB, count
from collegium.node.status import NodeStatus
from collegium.node.status_page import LOOPBACK, SERVED, ask_status
from collegium.node.structured_log import LOG
from collegium.transport.loopback_page import page_of

FEWEST_FILES = 512
"""Open files below which a node may lack some: connections, blobs, and processes that train."""

VOLATILE, REMOTE = ("tmpfs", "ramfs"), ("nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "9p")
"""File systems that lose everything with the machine; those whose locks and syncs may not hold."""

WRITTEN = (
    LEDGER, BLOBS, OUTBOX, WAITING, RELEASED, ORDERS, PAST, "final", "cosigned", "evidence", LOG,
)  # fmt: skip
"""What a node writes in its home, by name."""

MOUNTS = Path("/proc/self/mounts")


def running(home: Path) -> tuple[NodeStatus | None, Diagnosis]:
    """Return the status of the node that runs in a home, None where none answers, and in words."""
    try:
        status = ask_status(home)
    except NodeError as error:
        if (home / SERVED).exists():
            return None, wrong("node", _silent(home, error.why), "warning")
        return None, sound("node", "does not run")
    told = f"runs (pid {status.pid}), {status.state}"
    if status.state in ("starting", "following"):
        return status, sound("node", told)
    return status, wrong("node", NodeError(
        "node.state", f"it {told}", status.trouble or "it does not say why",
        "see `collegium node status`, and what is wrong below",
    ), "warning" if status.state == "away" else "error")  # fmt: skip


def _silent(home: Path, why: str) -> NodeError:
    """Return the error for a node that is said to run and does not answer."""
    try:
        pid = page_of(home).pid
        os.kill(pid, 0)
    except (OSError, msgspec.MsgspecError):
        return NodeError(
            "node.not-running", "status.json names a node that does not run", why,
            "it was killed: see what node.log says last, and start it again",
        )  # fmt: skip
    return NodeError(
        "node.not-running", f"the process {pid} does not answer for this home", why,
        "it is paused or hangs, if it is the node: see node.log; end it before another is started",
    )  # fmt: skip


def examine_owner(home: Path) -> Iterator[Diagnosis]:
    """Yield whether a node of this user could read and write what is in the home."""
    lacking = []
    for path in (home, *sorted(home.iterdir())):
        writes = path == home or path.name in WRITTEN
        may = os.access(path, os.R_OK | os.W_OK if writes else os.R_OK)
        if not may and path.exists():  # a node that runs puts files in their places
            lacking.append("the folder itself" if path == home else path.name)
    if lacking:
        yield wrong("home", NodeError(
            "home.no-access", f"{home} cannot be used by user {os.getuid()}",
            f"it may not read, or not write, {', '.join(lacking)}",
            "run this as the user of the node, or give the home to that user",
        ))  # fmt: skip
    owner = home.stat().st_uid
    if owner != os.getuid():
        yield wrong("home", NodeError(
            "home.owner", f"{home} belongs to user {owner}, and this is user {os.getuid()}",
            "what is true for one user need not be for the other",
            "run this as the user of the node, such as by sudo -u collegium",
        ), "warning")  # fmt: skip


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
    kind = _file_system(home, mounts)
    if kind in VOLATILE:
        why = "what lies there is lost when the machine restarts, keys and outbox too"
    elif kind in REMOTE:
        why = "a lock or a sync may not hold there, and two nodes in one home sign two histories"
    else:
        return
    yield wrong("disk", NodeError(
        "home.file-system", f"the home lies on {kind}", why, "put it on a disk of this machine"
    ), "warning")  # fmt: skip


def _halved(text: str) -> tuple[str, str]:
    what, _, why = text.partition(": ")
    return what, why


def _file_system(home: Path, mounts: Path) -> str | None:
    """Return the kind of the file system that a folder is on, None where it is not told."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    place, kind = home.resolve(), None
    longest = -1
    for line in lines:
        _, point, found, *_ = line.split(" ")
        at = Path(re.sub(r"\\([0-7]{3})", lambda one: chr(int(one[1], 8)), point))
        if place.is_relative_to(at) and len(at.parts) >= longest:
            longest, kind = len(at.parts), found.removeprefix("fuse.")
    return kind


def examine_port(home: Path, port: int, status: NodeStatus | None) -> Iterator[Diagnosis]:
    """Yield whether the status page can have its port, or has it.

    Args:
        home: the member's.
        port: of node.toml.
        status: of the node that runs there, None where none does.
    """
    served = None if status is None else page_of(home).port
    if served is not None and port in (0, served):
        yield sound("port", f"the status page is on {LOOPBACK}:{served}")
        return
    if port == 0:
        yield sound("port", "any that is free; alerts want a fixed one (status.port)")
        return
    with socket.socket() as trying:
        # As the page itself listens: a port that has only just been left may be taken again.
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((LOOPBACK, port))
        except OSError as error:
            yield wrong("port", NodeError(
                "node.port", f"the status page cannot listen on port {port}",
                reason_of(error), "choose another port in node.toml, or 0 for any",
            ))  # fmt: skip
            return
    if served is not None:
        yield wrong("port", NodeError(
            "node.restart", f"the status page is on port {served}, and node.toml says {port}",
            "a node reads node.toml when it starts", "start the node again",
        ), "warning")  # fmt: skip
        return
    yield sound("port", f"{LOOPBACK}:{port} is free")


def examine_limits(status: NodeStatus | None) -> Iterator[Diagnosis]:
    """Yield how many files the node may have open: the one that runs, else one started here."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    whose = "a node that is started here"
    if status is not None:
        found = _limit_of(status.pid)
        if found is not None:
            most, whose = found, "the node"
    if most != resource.RLIM_INFINITY and most < FEWEST_FILES:
        yield wrong("limits", NodeError(
            "home.open-files", f"{whose} may have only {most} files open",
            "connections, blobs and processes that train need some each",
            "raise it: LimitNOFILE= of the unit, or `ulimit -n 4096`",
        ), "warning")  # fmt: skip
        return
    yield sound("limits", f"{whose} may have {'any number of' if most < 0 else most} files open")


def _limit_of(pid: int) -> int | None:
    try:
        told = Path(f"/proc/{pid}/limits").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r"^Max open files\s+(\d+)", told, re.MULTILINE)
    return None if found is None else int(found[1])
