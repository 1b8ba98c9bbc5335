"""What can be said about a ledger that succeeds another; docs/spec/3-genesis.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from collegium.audit.findings import Finding
from collegium.audit.history import History, read_history
from collegium.audit.subjects import AboutLedger, Value
from collegium.canonical import from_text
from collegium.errors import RunError, reason_of
from collegium.ledger.frames import read_ledger
from collegium.ledger.hashing import DIGEST_SIZE

_GENESIS = AboutLedger("genesis")


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
            yield Finding("genesis.predecessor", "error", _GENESIS, {"case": "none"})
        return
    name = from_text(old.genesis, DIGEST_SIZE).hex()
    if predecessor is None:
        unseen: dict[str, Value] = {"case": "unseen", "size": old.size, "ledger": name}
        yield Finding("genesis.successor", "note", _GENESIS, unseen)
        return
    before = _history(predecessor)
    told: dict[str, Value] = {"folder": str(predecessor), "ledger": name, "size": old.size}
    if before.identity.hex() != name:
        yield Finding("genesis.predecessor", "error", _GENESIS, {"case": "other", **told})
    elif before.roots.get(old.size) != from_text(old.root, DIGEST_SIZE):
        yield Finding("genesis.predecessor", "error", _GENESIS, {"case": "shorter", **told})
    else:
        later = max(before.roots) - old.size
        told |= {"case": "later" if later else "all", "later": later}
        yield Finding("genesis.successor", "note", _GENESIS, told)


def _history(folder: Path) -> History:
    try:
        return read_history(read_ledger(folder / "ledger.log"))
    except (OSError, ValueError) as error:
        raise RunError(
            "run.unreadable", f"{folder} holds no old ledger",
            f"its ledger.log cannot be read: {reason_of(error)}",
            "name the folder with it, such as a member's past/GENESIS",
        ) from error  # fmt: skip
