"""The `solo` engine: in process, one file, no daemon. Transactions are ordered as they come.

A block's sync goes on while the participants of the same process think about what comes next;
the next block is written after it. So a power cut takes at most one block, from which nothing
has followed yet but what everybody would say again (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from collegium.errors import RunError
from collegium.ledger.book import Ledger, Outcome
from collegium.ledger.durability import Syncs
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import SigningKey
from collegium.ledger.opening import create_ledger, open_ledger
from collegium.ledger.state import State


class SoloEngine:
    """A ledger whose holder orders transactions; it satisfies `ledger.engine.Engine`."""

    def __init__(self, ledger: Ledger, log_key: SigningKey) -> None:
        self._ledger = ledger
        self._log_key = log_key
        self._syncs = Syncs()
        self.identity: bytes = ledger.identity

    @property
    def state(self) -> State:
        """The contract's state."""
        return self._ledger.state

    @property
    def size(self) -> int:
        """Number of entries in the log."""
        return self._ledger.frontier.size

    def submit(self, envelopes: Sequence[bytes]) -> list[Outcome]:
        """Apply transactions in the order given, as one block, once the last block is synced."""
        self._syncs.wait()
        outcomes = self._ledger.write(envelopes)
        self._syncs.begin(self._ledger.sync)
        return outcomes

    def application_hash(self) -> bytes:
        """Return the application hash as of now."""
        return self._ledger.application_hash()

    def close(self, *, complete: bool) -> None:
        """Seal the file if the history is complete, keep a snapshot, and release it."""
        try:
            self._syncs.close()
            if complete:
                self._ledger.seal(self._log_key)
            self._ledger.write_snapshot()
        finally:
            self._ledger.close()


def open_solo(
    path: Path, genesis: Genesis, log_key: SigningKey, warn: Callable[[str], None]
) -> SoloEngine:
    """Create the ledger file, or continue the one that is there.

    Raises:
        RunError: the file is another ledger's.
        CollegiumError: it is malformed or contradicts the contract.
    """
    if not path.exists():
        return SoloEngine(create_ledger(path, genesis), log_key)
    ledger = open_ledger(path, warn)
    if ledger.genesis != genesis:
        ledger.close()
        raise RunError(
            "run.other-ledger",
            f"{path} belongs to another genesis",
            "the study, its seed or its members differ from those of the run that is there",
            "choose another --out, or resume with the study.toml of that run",
        )
    return SoloEngine(ledger, log_key)
