"""The file ``final`` beside ledger.log: the newest note that is final; docs/spec/5-checkpoint.md.

It holds a checkpoint with the log's signature and cosignatures of validators. The engine that
collects cosignatures writes it; receipts are made from it.
"""

from __future__ import annotations

import os
from pathlib import Path

from collegium.canonical import malformed
from collegium.errors import reason_of
from collegium.ledger.note import LONGEST_NOTE

NAME = "final"


def write_final(folder: Path, note: str) -> None:
    """Put a note in place of the one before; it is there whole or not at all."""
    partial = folder / f".{NAME}"
    with partial.open("wb") as file:
        file.write(note.encode())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / NAME)


def read_final(folder: Path) -> str | None:
    """Return the newest final note of a run folder or a member's home, or None.

    Raises:
        FormatError: what is there cannot be read, is too long, or is not text.
    """
    try:
        with (folder / NAME).open("rb") as file:
            data = file.read(4 * LONGEST_NOTE + 1)
        text = data.decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise malformed(f"the file {NAME}", reason_of(error)) from error
    if len(text) > LONGEST_NOTE:
        raise malformed(f"the file {NAME}", "it is longer than a note may be")
    return text
