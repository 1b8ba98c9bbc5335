"""``network.json``: what a trial consortium is made of, and which processes are its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from collegium.errors import RunError, reason_of
from collegium.ledger.durability import write_whole
from collegium.network.processes import ChildProcess, is_alive

RECORD = "network.json"
MEMBERS, OUTPUT = "members", "output.log"


class NetworkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A trial consortium on this machine. Paths are made of the folder and the names here.

    `services` are the processes beside the members' nodes: by the name of a home, the arguments
    of the command line before its path.
    """

    study: str
    document: str
    genesis: str
    url: str
    engine: str
    services: dict[str, tuple[str, ...]]
    members: tuple[str, ...]
    children: tuple[ChildProcess, ...] = ()
    version: int = 2

    def running(self) -> tuple[ChildProcess, ...]:
        """Return the children that are alive."""
        return tuple(child for child in self.children if is_alive(child))


def home_of(folder: Path, member: str) -> Path:
    """Return a member's home in a trial's folder."""
    return folder / MEMBERS / member


def read_record(folder: Path) -> NetworkRecord:
    """Return the record of the trial in a folder.

    Raises:
        RunError: there is none.
    """
    path = folder / RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=NetworkRecord)
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(
            "network.none", f"there is no consortium in {folder}", reason_of(error),
            "start one with `collegium network up STUDY`, or name its folder",
        ) from error  # fmt: skip


def keep_record(folder: Path, record: NetworkRecord) -> None:
    """Write the record, whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_whole(folder / RECORD, text + b"\n")
