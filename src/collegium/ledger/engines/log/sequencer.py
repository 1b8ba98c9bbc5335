"""Whoever orders: it puts transactions into blocks, one at a time, and collects cosignatures."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.ledger.book import Ledger
from collegium.ledger.engines.log.connection import Answer
from collegium.ledger.keys import SigningKey


class Submission:
    """Transactions of one member that were handed over together; answered once they are decided."""

    @property
    def answers(self) -> list[Answer] | None:
        """One answer for each transaction, or None while some wait for a block."""
        raise NotImplementedError


class Sequencer:
    """The order of transactions. No network, no threads, no clock: `transport.server` has those."""

    def __init__(self, ledger: Ledger, log_key: SigningKey) -> None:
        raise NotImplementedError

    def submit(self, member: str, envelopes: Sequence[bytes]) -> Submission:
        """Take transactions into the pool, and cut a block if the last one is final."""
        raise NotImplementedError

    def blocks(self, size: int) -> bytes | None:
        """Return what follows `size` entries, as `Connection.blocks`; None if nothing does."""
        raise NotImplementedError

    def cosign(self, member: str, line: str, size: int) -> None:
        """Take a member's cosignature; at more than two thirds of the power, go on."""
        raise NotImplementedError

    def final(self, size: int) -> str | None:
        """Return the newest final note if it is at least `size` long."""
        raise NotImplementedError
