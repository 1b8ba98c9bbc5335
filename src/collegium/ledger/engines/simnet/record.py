"""What entered a simulated network and when, kept beside the ledger, so that a run goes on alike.

A simulation is a function of its study and of what entered after how many events. So a run that was
interrupted is simulated again up to the last block that its ledger holds, and goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from collegium.ledger.engines.simnet.virtual_time import Effort

NAME = "consensus.jsonl"


class Entered(msgspec.Struct, frozen=True, tag="entered"):
    """A transaction that entered: after how many events, where, and after which effort."""

    events: int
    validator: int
    effort: Effort
    envelope: bytes
    size: int


class Committed(msgspec.Struct, frozen=True, tag="committed"):
    """A block that the ledger took, after how many events, and what it told of work."""

    events: int
    height: int
    worth: tuple[int, ...]
    told_by: str


Line = Entered | Committed
_DECODER = msgspec.json.Decoder(Line)


class Record:
    """The file; it grows with the ledger and goes when that is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab")

    def entered(self, line: Entered) -> None:
        """Add what entered."""
        self._file.write(msgspec.json.encode(line) + b"\n")

    def committed(self, line: Committed) -> None:
        """Add a block, durably, before the ledger has it."""
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self, *, complete: bool) -> None:
        """Release the file; nobody goes on with a complete run."""
        self._file.close()
        if complete:
            self._path.unlink(missing_ok=True)


def read_until(path: Path, blocks: int) -> tuple[list[Line], int]:
    """Return the lines up to a ledger's last block, and cut the file there.

    Returns fewer blocks than asked for where the file does not have as many.
    """
    kept: list[Line] = []
    found = end = 0
    if blocks:
        for line, after in _lines(path):
            kept.append(line)
            if isinstance(line, Committed):
                found += 1
                end = after
                if found == blocks:
                    break
        while kept and not isinstance(kept[-1], Committed):
            kept.pop()
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(end)
    return kept, found


def _lines(path: Path) -> Iterator[tuple[Line, int]]:
    position = 0
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            position += len(line)
            if not line.endswith(b"\n"):
                return
            yield _DECODER.decode(line), position
