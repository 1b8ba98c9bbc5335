"""A copy that leaves its home: as a run folder's sealed ledger.log, or to begin another home."""

from __future__ import annotations

import os
from pathlib import Path

from collegium.errors import RunError
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.copy import Copy
from collegium.ledger.final import read_final, write_final
from collegium.ledger.frames import CHECKPOINT, GENESIS, encode_frame, read_frames
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.note import origin_of, split_note
from collegium.ledger.ordering import LEDGER


def export(copy: Copy, path: Path) -> None:
    """Write a copy's ledger.log up to what is final, sealed by the log's note, to another file.

    It is what a run folder holds and `verify` reads.

    Raises:
        RunError: nothing is final yet.
    """
    if copy.final_note is None:
        raise RunError(
            "ledger.nothing-final", f"{copy.home} holds nothing that is final",
            "no block has been cosigned yet", "wait for the first block",
        )  # fmt: skip
    text, signatures = split_note(copy.final_note)
    origin = origin_of(copy.ledger.identity)
    own = [line for line in signatures.splitlines(keepends=True) if line.split(" ")[1] == origin]
    data = encode_frame(GENESIS, encode_genesis(copy.ledger.genesis))
    data += copy.read(0, copy.final_size, most=None)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data + encode_frame(CHECKPOINT, f"{text}\n{''.join(own)}".encode()))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_names(path.parent)


def begin_from(source: Path, home: Path) -> None:
    """Copy another home's ledger and final note into a new home; checkpoint frames are left out.

    Raises:
        RunError: the new home has a ledger already, or the source has none.
    """
    target = home / LEDGER
    if target.exists():
        raise RunError(
            "ledger.exists", f"{target} exists", "a ledger is never overwritten",
            "choose another folder, or start without --from",
        )  # fmt: skip
    try:
        data = (source / LEDGER).read_bytes()
    except OSError as error:
        what = f"{source / LEDGER} cannot be opened"
        raise RunError("ledger.unreadable", what, str(error), "check the path") from error
    frames = [frame for frame in read_frames(data) if frame.kind != CHECKPOINT]
    note = read_final(source)
    if note is not None:
        write_final(home, note)
    partial = home / f"{LEDGER}.partial"
    with partial.open("wb") as file:
        file.write(b"".join(data[frame.start : frame.end] for frame in frames))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    sync_names(home)
