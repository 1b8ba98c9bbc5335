"""Beginning and opening the file of a ledger."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from collegium.errors import CollegiumError, RunError
from collegium.ledger.application import Application, corrupt
from collegium.ledger.durability import sync_names
from collegium.ledger.frames import (
    BLOCK,
    BLOCK_SIZE,
    GENESIS,
    acknowledged_end,
    block_end,
    decode_block,
    encode_frame,
    holds_acknowledged,
    read_frames,
    read_ledger,
)
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest
from collegium.ledger.snapshot import snapshot_path


def create_ledger(path: Path, genesis: Genesis) -> Application:
    """Start a new ledger file.

    Raises:
        FormatError: the genesis is not valid.
        RunError: the file exists.
    """
    data = encode_genesis(genesis)
    if path.exists():
        raise RunError(
            "ledger.exists", f"{path} exists", "a ledger is never overwritten",
            "choose another folder, or go on with the run that is there (--resume)",
        )  # fmt: skip
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(encode_frame(GENESIS, data))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_names(path.parent)
    opened = path.open("r+b")
    opened.seek(0, os.SEEK_END)
    return Application(data, path, opened)


def open_ledger(path: Path, warn: Callable[[str], None]) -> Application:
    """Open a ledger file for writing; a torn tail, never acknowledged, is cut and reported.

    Raises:
        CollegiumError: it is missing, malformed, or contradicts the contract.
    """
    return open_ledger_at(path, None, warn)[0]


def open_ledger_at(
    path: Path, entries: int | None, warn: Callable[[str], None]
) -> tuple[Application, bytes]:
    """Open a ledger file as of its first `entries`, all of them where None.

    Returns:
        The ledger, and the bytes of the blocks that follow in the file, not yet applied: what is
        written next goes behind them, so the caller applies them first.

    Raises:
        CollegiumError: it is missing, malformed, or contradicts the contract.
    """
    try:
        data = read_ledger(path)
        file = path.open("r+b")
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        ledger, stop, end = _replayed(path, data, file, entries)
        if data[end:]:
            torn = len(data) - end
            warn(f"{path.name}: its last {torn} bytes were never acknowledged and are cut")
            file.truncate(end)
        file.seek(0, os.SEEK_END)
    except CollegiumError:
        file.close()
        raise
    return ledger, data[stop:end]


def look_into_ledger(path: Path, entries: int | None = None) -> tuple[Application, bytes]:
    """Return what `open_ledger_at` does of a file that another process may be writing.

    Nothing is written or cut, and what is executed on it is kept in memory.

    Raises:
        CollegiumError: it is missing, malformed, or contradicts the contract.
    """
    try:
        data = read_ledger(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    ledger, stop, end = _replayed(path, data, BytesIO(), entries)
    return ledger, data[stop:end]


def _replayed(
    path: Path, data: bytes, file: BinaryIO, entries: int | None
) -> tuple[Application, int, int]:
    """Return a ledger as of its first `entries`, where they end, and what was acknowledged ends.

    Raises:
        CollegiumError: the bytes are malformed, or contradict the contract.
    """
    end = acknowledged_end(data)
    first = next(read_frames(data), None)
    if first is None or first.kind != GENESIS:
        raise corrupt(0)
    if holds_acknowledged(data[end:]):
        raise corrupt(end)
    stop = end if entries is None else block_end(data[:end], entries)
    ledger = Application(first.body, path, file)
    snapshot, known = snapshot_path(path), data[:stop]
    start = ledger.resume_from(snapshot.read_bytes(), known) if snapshot.exists() else first.end
    ledger.replay(known, start)
    return ledger, stop, end


def _unreadable(path: Path, error: OSError) -> RunError:
    what = f"{path} cannot be opened"
    return RunError("ledger.unreadable", what, str(error), "check the path")


def has_damaged_genesis(path: Path, genesis: Genesis) -> bool:
    """Return whether a file's blocks follow a genesis, and its genesis frame is another one."""
    ours = encode_genesis(genesis)
    frames = list(read_frames(path.read_bytes()))
    first = next((frame.body for frame in frames if frame.kind == BLOCK), bytes(BLOCK_SIZE))
    follows = decode_block(first).previous == genesis_digest(ours)
    return follows and frames[0].body != ours


def require_genesis(ledger: Application, genesis: Genesis) -> None:
    """Compare an opened file's genesis with the one that it should have.

    Raises:
        FormatError: its blocks follow that one, so its genesis frame is damaged.
        RunError: it is another ledger's.
    """
    if ledger.genesis == genesis:
        return
    if has_damaged_genesis(ledger.path, genesis):
        raise corrupt(0)
    raise RunError(
        "ledger.other", f"{ledger.path} belongs to another genesis",
        "the home was made for another consortium",
        "choose another home, or the genesis of this one",
    )  # fmt: skip


def take_up_ledger(path: Path, genesis: Genesis, warn: Callable[[str], None]) -> Application:
    """Create a simulation's ledger, or go on with the one that is there.

    Raises:
        RunError: the file is another ledger's.
        CollegiumError: it is malformed or contradicts the contract.
    """
    if not path.exists():
        return create_ledger(path, genesis)
    application = open_ledger(path, warn)
    if application.genesis != genesis:
        application.close()
        raise RunError(
            "run.other-ledger",
            f"{path} belongs to another genesis",
            "the study, its seed or its members differ from those of the run that is there",
            "choose another --out, or resume with the study.toml of that run",
        )
    return application
