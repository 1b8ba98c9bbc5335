"""The machine under a home: whose it is, its kind of disk, its status page's port, open files."""

from __future__ import annotations

import os
import re
import resource
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from collegium.errors import RunError, reason_of
from collegium.ledger.examining import Diagnosis, sound, wrong
from collegium.transport.loopback_page import LOOPBACK, page_of

FEWEST_FILES = 512
"""Open files below which a process may lack some: connections, blobs, and processes that train."""

VOLATILE, REMOTE = ("tmpfs", "ramfs"), ("nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "9p")
"""File systems that lose everything with the machine; those whose locks and syncs may not hold."""

MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Program:
    """Whose home it is.

    Attributes:
        name: what it is called: ``node`` or ``sequencer``.
        settings: the file that it reads when it starts.
        port: the code where its status page cannot listen; `restart` where it runs with other
            settings, `silent` where it does not answer.
    """

    name: str
    settings: str
    port: str
    restart: str
    silent: str


def silent(home: Path, program: Program, why: str) -> RunError:
    """Return the error for a process that is said to run and does not answer."""
    name = program.name
    try:
        pid = page_of(home).pid
        os.kill(pid, 0)
    except (OSError, msgspec.MsgspecError):
        return RunError(
            program.silent, f"status.json names a {name} that does not run", why,
            f"it was killed: see what {name}.log says last, and start it again",
        )  # fmt: skip
    return RunError(
        program.silent, f"the process {pid} does not answer for this home", why,
        f"it is paused or hangs, if it is the {name}: see {name}.log; "
        "end it before another is started",
    )  # fmt: skip


def examine_owner(home: Path, program: Program, written: Collection[str]) -> Iterator[Diagnosis]:
    """Yield whether a process of this user could read and write what is in the home.

    Args:
        home: the process's.
        program: which one it is.
        written: what it writes in its home, by name.
    """
    name, lacking = program.name, []
    for path in (home, *sorted(home.iterdir())):
        writes = path == home or path.name in written
        may = os.access(path, os.R_OK | os.W_OK if writes else os.R_OK)
        if not may and path.exists():  # a process that runs puts files in their places
            lacking.append("the folder itself" if path == home else path.name)
    if lacking:
        yield wrong("home", RunError(
            "home.no-access", f"{home} cannot be used by user {os.getuid()}",
            f"it may not read, or not write, {', '.join(lacking)}",
            f"run this as the user of the {name}, or give the home to that user",
        ))  # fmt: skip
    owner = home.stat().st_uid
    if owner != os.getuid():
        yield wrong("home", RunError(
            "home.owner", f"{home} belongs to user {owner}, and this is user {os.getuid()}",
            "what is true for one user need not be for the other",
            f"run this as the user of the {name}, such as by sudo -u collegium",
        ), "warning")  # fmt: skip


def examine_file_system(home: Path, program: Program, mounts: Path = MOUNTS) -> Iterator[Diagnosis]:
    """Yield what is to be said of the kind of file system that a home lies on.

    Args:
        home: the process's.
        program: which one it is.
        mounts: what is mounted, as Linux tells it.
    """
    kind = _file_system(home, mounts)
    if kind in VOLATILE:
        why = "what lies there is lost when the machine restarts, keys too"
    elif kind in REMOTE:
        why = f"a lock or a sync may not hold there, and two {program.name}s in one home sign two "
        why += "histories"
    else:
        return
    yield wrong("disk", RunError(
        "home.file-system", f"the home lies on {kind}", why, "put it on a disk of this machine"
    ), "warning")  # fmt: skip


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


def taken(host: str, port: int) -> str | None:
    """Return why nobody can listen on an address, None where somebody can.

    Raises:
        OSError: there is no such address.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, address in dict.fromkeys((one[0], one[4]) for one in found):
        with socket.socket(family) as trying:
            # As whoever listens: a port that has only just been left may be taken again.
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(address)
            except OSError as error:
                return reason_of(error)
    return None


def examine_port(home: Path, program: Program, port: int, *, runs: bool) -> Iterator[Diagnosis]:
    """Yield whether the status page can have its port, or has it.

    Args:
        home: the process's.
        program: which one it is.
        port: of its settings.
        runs: whether it answers there now.
    """
    served = page_of(home).port if runs else None
    if served is not None and port in (0, served):
        yield sound("port", f"the status page is on {LOOPBACK}:{served}")
        return
    if port == 0:
        yield sound("port", "any that is free; alerts want a fixed one (status.port)")
        return
    why = taken(LOOPBACK, port)
    if why is not None:
        yield wrong("port", RunError(
            program.port, f"the status page cannot listen on port {port}", why,
            f"choose another port in {program.settings}, or 0 for any",
        ))  # fmt: skip
        return
    if served is not None:
        yield wrong("port", RunError(
            program.restart,
            f"the status page is on port {served}, and {program.settings} says {port}",
            f"a {program.name} reads {program.settings} when it starts",
            f"start the {program.name} again",
        ), "warning")  # fmt: skip
        return
    yield sound("port", f"{LOOPBACK}:{port} is free")


def examine_limits(program: Program, pid: int | None) -> Iterator[Diagnosis]:
    """Yield how many files a process may have open: the one that runs, else one started here."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    whose = f"a {program.name} that is started here"
    found = None if pid is None else _limit_of(pid)
    if found is not None:
        most, whose = found, f"the {program.name}"
    if most != resource.RLIM_INFINITY and most < FEWEST_FILES:
        yield wrong("limits", RunError(
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
