"""The seam for engines: whoever orders transactions looks like this to everybody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from collegium.ledger.book import Outcome
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import SigningKey
from collegium.ledger.state import State


class Engine(Protocol):
    """An open ledger under some order of transactions."""

    @property
    def identity(self) -> bytes:
        """The genesis digest."""
        ...

    @property
    def state(self) -> State:
        """The contract's state after everything final; readers must not write to it."""
        ...

    @property
    def size(self) -> int:
        """Number of entries in the log."""
        ...

    def submit(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Put transactions in order; return one outcome for each."""
        ...

    def application_hash(self) -> bytes:
        """Return the application hash as of now."""
        ...

    def close(self, *, complete: bool) -> None:
        """Release what the engine holds; a complete ledger is sealed by a checkpoint."""
        ...


OpenEngine = Callable[[Path, Genesis, SigningKey, Callable[[str], None]], Engine]
"""How a study's engine is opened: ledger file, genesis, log key, and where warnings go.

An existing file is continued and must have this genesis."""
