"""The run folder: what lies in it, who may write to it, and what to hand to outsiders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collegium.audit.trust import policy_text
from collegium.errors import RunError
from collegium.ledger.contract.events import RoundClosed, decode_events
from collegium.ledger.frames import (
    BLOCK,
    ENTRY,
    GENESIS,
    decode_block,
    decode_entry,
    entry_hash,
    read_frames,
)
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.keys import SigningKey
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint

DEFAULT_PARENT = Path("runs")


def check_vacant(folder: Path, *, resume: bool) -> None:
    """Check that a run may begin in a folder, or go on in it.

    Raises:
        RunError: something is there and is not to be resumed, or is no run.
    """
    try:
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError as error:
        raise _unwritable(folder, error) from error
    if names and not resume:
        raise RunError(
            "run.exists", f"{folder} is not empty", "a run never overwrites another one",
            "choose another --out, or go on with the run that is there with --resume",
        )  # fmt: skip
    # A run that was killed at once has left names with a dot only.
    foreign = {name for name in names if not name.startswith(".")}
    if foreign and not names & {"study.toml", "ledger.log"}:
        raise RunError(
            "run.no-run", f"{folder} holds no run that could go on",
            f"it has neither study.toml nor ledger.log, but {sorted(foreign)[0]!r}",
            "name the run's folder, or choose another --out",
        )  # fmt: skip


def _run_busy(folder: Path) -> RunError:
    return RunError(
        "run.busy", f"{folder} is in use", "another process is writing this run",
        "wait for it, or choose another --out",
    )  # fmt: skip


@contextmanager
def claimed(folder: Path, busy: Callable[[Path], RunError] = _run_busy) -> Iterator[None]:
    """Hold a folder for this process alone.

    Raises:
        RunError: it cannot be made; `busy`'s, where another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        _lock(lock, lambda: busy(folder))
        yield
    finally:
        os.close(lock)


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(
        "run.folder", f"{folder} cannot be written", error.strerror or str(error),
        "choose another --out",
    )  # fmt: skip


def _lock(descriptor: int, busy: Callable[[], RunError]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; two runs in one folder are then the user's care
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise busy() from error


def round_checkpoints(ledger: Path, key: SigningKey) -> list[str]:
    """Return signed checkpoints after each block that closed a round, and after the last block."""
    notes: list[str] = []
    frontier = Frontier()
    origin = ""
    closing = False
    last: Checkpoint | None = None
    for frame in read_frames(ledger.read_bytes()):
        if frame.kind == GENESIS:
            origin = origin_of(genesis_digest(frame.body))
        elif frame.kind == ENTRY:
            frontier.append(entry_hash(frame.body))
            events = decode_events(decode_entry(frame.body)[1])
            closing |= any(isinstance(event, RoundClosed) for event in events)
        elif frame.kind == BLOCK:
            block = decode_block(frame.body)
            last = Checkpoint(origin, frontier.size, frontier.root(), block.digest())
            if closing:
                notes.append(sign_checkpoint(last, key))
                last, closing = None, False
    return notes if last is None else [*notes, sign_checkpoint(last, key)]


def write_policy(folder: Path, genesis: bytes, key: SigningKey | None) -> Path:
    """Write ``policy.json``: what outsiders keep to hold this run to its word.

    Without the log's key there are no checkpoints, and the policy holds a run to its genesis alone.
    """
    path = folder / "policy.json"
    notes = [] if key is None else round_checkpoints(folder / "ledger.log", key)
    text = policy_text(genesis, None if key is None else key.public, notes)
    partial = folder / ".policy.json"
    partial.write_bytes(text.encode())
    partial.replace(path)
    return path
