"""Where virtual time goes: to work, to transfers, to signatures, to consensus, or to waiting.

Between two blocks, the transaction of the second one that entered last is what was waited for: its
own work, transfer and signatures, and then its way into the block, which is consensus. What is left
is waiting: for a block's interval, or for nothing. The parts add up to the time of the last block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from collegium.ledger.contract.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Effort:
    """What a member does before a transaction of its own is there, in microseconds.

    Attributes:
        compute: training and evaluation.
        transfer: models and updates, down and up.
        crypto: masks, proofs, encryption, signatures.
        microjoules: of each of them.
        wakes: how often the member's link is used, for a while or in one go.
        payload: bytes of blobs that the transaction names, where they travel in its block.
    """

    compute: int = 0
    transfer: int = 0
    crypto: int = 0
    microjoules: tuple[int, int, int] = (0, 0, 0)
    wakes: int = 0
    payload: int = 0

    @property
    def total(self) -> int:
        """All of it, one after the other."""
        return self.compute + self.transfer + self.crypto


Timing = Callable[[str, Transaction], Effort]
"""What a member does for a transaction."""


def no_effort(member: str, transaction: Transaction) -> Effort:
    """Return nothing: everything is there at once."""
    return Effort()


PARTS = ("compute", "transfer", "consensus", "crypto", "waiting")
"""What virtual time goes to."""


@dataclass(slots=True)
class TimeSpent:
    """Virtual microseconds so far, by what they went to."""

    compute: int = 0
    transfer: int = 0
    crypto: int = 0
    consensus: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, name) for name in PARTS)

    def add(self, until: int, entered: int, effort: Effort) -> None:
        """Take the time from the last block to the next one.

        Args:
            until: when the next block was decided.
            entered: when the transaction of it entered that entered last.
            effort: what its member had done before.
        """
        since = self.total
        entered = min(max(entered, since), until)
        self.consensus += until - entered
        before = entered - since
        worked = min(effort.total, before)
        self.waiting += before - worked
        left = worked
        for name in ("crypto", "transfer", "compute"):  # the latest part first: it is what is left
            part = min(getattr(effort, name), left)
            setattr(self, name, getattr(self, name) + part)
            left -= part

    def copy(self) -> TimeSpent:
        """Return what it is now."""
        return replace(self)
