"""A copy's files on their way.

To a run folder or another home, aside where they are damaged, and in the place of others that a
final block was preferred to.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from collegium.errors import FormatError, RunError, reason_of
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.final import read_final, write_final
from collegium.ledger.frames import CHECKPOINT, GENESIS, encode_frame, hash_prefix, read_frames
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.note import origin_of, split_note
from collegium.ledger.ordering import LEDGER
from collegium.ledger.snapshot import snapshot_path


def export(copy: LogCopy, path: Path) -> None:
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
        raise RunError("ledger.unreadable", what, reason_of(error), "check the path") from error
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


TRIAL = "trial"


def is_sound(copy: LogCopy) -> bool:
    """Return whether the file still holds, byte for byte, what was replayed or written."""
    ledger = copy.ledger
    data = (copy.home / LEDGER).read_bytes()
    genesis = encode_frame(GENESIS, encode_genesis(ledger.genesis))
    try:
        frontier, block = hash_prefix(data, ledger.identity)
    except FormatError:
        return False
    if block is None:
        return data == genesis and not ledger.frontier.size
    found = (data[: len(genesis)], frontier.size, frontier.peaks, block.digest())
    return found == (genesis, ledger.frontier.size, ledger.frontier.peaks, ledger.last_block)


def put_aside(home: Path, evidence: Path) -> Path:
    """Move a damaged ledger.log away, so that a new one can be fetched; return where it is.

    The final note stays: the new one must lead to it.
    """
    evidence.mkdir(parents=True, exist_ok=True)
    number = 1
    while (target := evidence / f"damaged-{number}.log").exists():
        number += 1
    (home / LEDGER).replace(target)
    snapshot_path(home / LEDGER).unlink(missing_ok=True)
    sync_names(home)
    return target


def begin_trial(copy: LogCopy) -> LogCopy:
    """Return a copy of what is final, in a folder of its own, to see where other blocks lead."""
    home = copy.home / TRIAL
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    genesis = encode_frame(GENESIS, encode_genesis(copy.ledger.genesis))
    (home / LEDGER).write_bytes(genesis + copy.read(0, copy.final_size, most=None))
    if copy.final_note is not None:
        write_final(home, copy.final_note)
    trial = open_log_copy(home, copy.ledger.genesis, lambda _: None)
    trial.expected, trial.told = copy.expected, copy.told
    return trial


def take_over(copy: LogCopy, trial: Path) -> None:
    """Put what a trial's folder holds in the place of a copy; everything in it is final."""
    note = read_final(trial)
    (trial / LEDGER).replace(copy.home / LEDGER)
    if note is not None:
        write_final(copy.home, note)
    snapshot_path(copy.home / LEDGER).unlink(missing_ok=True)
    sync_names(copy.home)
    copy.reopen()
    shutil.rmtree(trial, ignore_errors=True)
