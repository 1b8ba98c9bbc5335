"""What can be said about a ledger that succeeds another; docs/spec/3-genesis.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from collegium.audit.findings import Finding
from collegium.audit.history import History, read_history
from collegium.canonical import from_text
from collegium.errors import RunError
from collegium.ledger.frames import read_ledger
from collegium.ledger.hashing import DIGEST_SIZE


def succession(history: History, predecessor: Path | None) -> Iterator[Finding]:
    """Yield what a genesis says it succeeds, and whether an old ledger bears it out.

    Args:
        history: of the successor.
        predecessor: a folder with the old ledger.log, or None.

    Raises:
        RunError: the old ledger.log cannot be read.
    """
    old = msgspec.UNSET if history.genesis is None else history.genesis.succeeds
    if isinstance(old, msgspec.UnsetType):
        if predecessor is not None:
            what = "its genesis succeeds no ledger"
            yield Finding("genesis.predecessor", "error", what, "genesis")
        return
    name = from_text(old.genesis, DIGEST_SIZE).hex()
    if predecessor is None:
        what = (
            f"its founders say that it goes on after {old.size} entries of the ledger {name}; "
            "that ledger was not looked at (--predecessor)"
        )
        yield Finding("genesis.successor", "note", what, "genesis")
        return
    before = _history(predecessor)
    if before.identity.hex() != name:
        what = f"{predecessor} holds another ledger than the {name} which it says it succeeds"
    elif before.roots.get(old.size) != from_text(old.root, DIGEST_SIZE):
        what = f"the ledger in {predecessor} is another one after {old.size} entries, or shorter"
    else:
        later = max(before.roots) - old.size
        what = f"it goes on after {old.size} entries of the ledger in {predecessor}"
        if later:
            what += f"; {later} later entries there are not part of what it goes on from"
        yield Finding("genesis.successor", "note", what, "genesis")
        return
    yield Finding("genesis.predecessor", "error", what, "genesis")


def _history(folder: Path) -> History:
    try:
        return read_history(read_ledger(folder / "ledger.log"))
    except (OSError, ValueError) as error:
        raise RunError(
            "run.unreadable", f"{folder} holds no old ledger",
            f"its ledger.log cannot be read: {error}",
            "name the folder with it, such as a member's past/GENESIS",
        ) from error  # fmt: skip
