"""What a home holds of the ledger, seen from outside: its node may be running and writing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.application import Application
from collegium.ledger.engines.log.witness import COSIGNED, open_cosigned
from collegium.ledger.examining import Diagnosis, Severity, sound, wrong
from collegium.ledger.final import read_final
from collegium.ledger.frames import ENTRY, read_frames
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest, required_log_key
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.opening import look_into_ledger, require_genesis
from collegium.ledger.ordering import LEDGER

PART = "ledger"

TRIES = 3
"""Looks at files that a process may be replacing at the same time."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose copy of the ledger it is.

    Attributes:
        none_yet: what to say where there is none.
        lacking: what to do where it ends before what was final in it.
        code: of a damaged one, with what to do and how much it hinders.
    """

    none_yet: str
    lacking: str
    code: str
    todo: str
    severity: Severity


MEMBERS_LEDGER = Whose(
    "none yet: the node fetches it",
    "start the node, which fetches the rest; look after the disk", "ledger.damaged",
    "start the node, which puts it into evidence/ and fetches it anew; look after the disk",
    "warning",
)  # fmt: skip


def examine_copy(home: Path, genesis: Genesis) -> tuple[Application | None, list[Diagnosis]]:
    """Return the ledger in a home as of what is final there, and what is to be said of its files.

    Args:
        home: the member's.
        genesis: what the ledger is to follow.
    """
    ledger, about = examine_ledger(home, genesis, MEMBERS_LEDGER)
    found = [about]
    if not open_cosigned(home).known:
        found.append(wrong(PART, RunError(
            "cosigned.unknown", f"{home / COSIGNED} is missing or damaged",
            "what this member has cosigned last is not known, as after a restore",
            "start the node: it cosigns again when its return is final; docs/operations/backup.md",
        ), "warning"))  # fmt: skip
    return ledger, found


def examine_ledger(
    home: Path, genesis: Genesis, whose: Whose
) -> tuple[Application | None, Diagnosis]:
    """Return the ledger in a home as of what is final there, and what is to be said of it.

    Args:
        home: a member's or the sequencer's.
        genesis: what the ledger is to follow.
        whose: which of the two.
    """
    if not (home / LEDGER).exists():
        return None, sound(PART, whose.none_yet)
    for left in reversed(range(TRIES)):
        try:
            # The note first: whoever runs writes the block before it.
            final = _final(home, genesis)
            ledger, tail = look_into_ledger(home / LEDGER, final.size if final else 0)
            require_genesis(ledger, genesis)
        except FormatError as error:
            if not left:
                return None, _damaged(home, error.why, whose)
            continue
        except CollegiumError as error:
            return None, wrong(PART, error)
        if final is None or ledger.head() == final:
            ahead = sum(frame.kind == ENTRY for frame in read_frames(tail))
            more = f", {ahead} more are held" if ahead else ""
            return ledger, sound(PART, f"follows the genesis: {ledger.size} entries final{more}")
        if ledger.size < final.size and not left:
            return ledger, wrong(PART, RunError(
                "ledger.damaged", f"{home / LEDGER} lacks some of what was final here",
                f"it ends after {ledger.size} of {final.size} entries", whose.lacking,
            ), "warning")  # fmt: skip
    return None, _damaged(home, "it does not lead to the checkpoint that is final here", whose)


def _final(home: Path, genesis: Genesis) -> Checkpoint | None:
    """Return what is final in a home; a note that is malformed can be had again."""
    try:
        note = read_final(home)
        origin = origin_of(genesis_digest(encode_genesis(genesis)))
        return None if note is None else open_checkpoint(note, origin, required_log_key(genesis))
    except FormatError:
        return None


def _damaged(home: Path, why: str, whose: Whose) -> Diagnosis:
    what = f"{home / LEDGER} does not hold together"
    return wrong(PART, RunError(whose.code, what, why, whose.todo), whose.severity)
