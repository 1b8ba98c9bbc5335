"""What a home holds of the ledger, seen from outside: its node may be running and writing."""

from __future__ import annotations

from pathlib import Path

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.application import Application
from collegium.ledger.engines.log.witness import COSIGNED, open_cosigned
from collegium.ledger.examining import Diagnosis, sound, wrong
from collegium.ledger.final import read_final
from collegium.ledger.frames import ENTRY, read_frames
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest, required_log_key
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.opening import look_into_ledger, require_genesis
from collegium.ledger.ordering import LEDGER

PART = "ledger"

TRIES = 3
"""Looks at files that a node may be replacing at the same time."""


def examine_copy(home: Path, genesis: Genesis) -> tuple[Application | None, list[Diagnosis]]:
    """Return the ledger in a home as of what is final there, and what is to be said of its files.

    Args:
        home: the member's.
        genesis: what the ledger is to follow.
    """
    found: list[Diagnosis] = []
    ledger: Application | None = None
    if not (home / LEDGER).exists():
        found.append(sound(PART, "none yet: the node fetches it"))
    else:
        ledger, about = _looked_at(home, genesis)
        found.append(about)
    if not open_cosigned(home).known:
        found.append(wrong(PART, RunError(
            "cosigned.unknown", f"{home / COSIGNED} is missing or damaged",
            "what this member has cosigned last is not known, as after a restore",
            "start the node: it cosigns again when its return is final; docs/operations/backup.md",
        ), "warning"))  # fmt: skip
    return ledger, found


def _looked_at(home: Path, genesis: Genesis) -> tuple[Application | None, Diagnosis]:
    for left in reversed(range(TRIES)):
        try:
            # The note first: a node writes the block before it.
            final = _final(home, genesis)
            ledger, tail = look_into_ledger(home / LEDGER, final.size if final else 0)
            require_genesis(ledger, genesis)
        except FormatError as error:
            if not left:
                return None, _damaged(home, error.why)
            continue
        except CollegiumError as error:
            return None, wrong(PART, error)
        if final is None or ledger.head() == final:
            ahead = sum(frame.kind == ENTRY for frame in read_frames(tail))
            more = f", {ahead} more are held" if ahead else ""
            return ledger, sound(PART, f"follows the genesis: {ledger.size} entries final{more}")
    return None, _damaged(home, "it does not lead to the checkpoint that is final here")


def _final(home: Path, genesis: Genesis) -> Checkpoint | None:
    """Return what is final in a home; a note that is malformed can be had again."""
    try:
        note = read_final(home)
        origin = origin_of(genesis_digest(encode_genesis(genesis)))
        return None if note is None else open_checkpoint(note, origin, required_log_key(genesis))
    except FormatError:
        return None


def _damaged(home: Path, why: str) -> Diagnosis:
    return wrong(PART, RunError(
        "ledger.damaged", f"{home / LEDGER} does not hold together", why,
        "start the node, which puts it into evidence/ and fetches it anew; look after the disk",
    ), "warning")  # fmt: skip
