"""The seam between a member and the sequencer: what a member asks.

A member only ever asks; nobody calls a member. `transport.client` asks over HTTPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collegium.ledger.engines.log.delivery import MemberPosition, Promised
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import Answer


class PresentFirst(Exception):
    """The sequencer has started since this member last told it what it holds."""


class NotInTheLog(Exception):
    """No block of the sequencer's log ends at the size that was asked for."""


class CosignatureRefused(Exception):
    """A cosignature does not hold for the block that the sequencer has at that size."""


class Connection(Protocol):
    """One member's way to the sequencer. Implementations may be called from several threads.

    Raises:
        CollegiumError: from every method, where the sequencer cannot be reached or answers
            nonsense; `transport.unreachable` where asking again later may help.
        PresentFirst: from `blocks`, `cosign`, `final` and `conflicts`.
    """

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over and wait a while until they are decided; one answer for each.

        The same bytes may be handed over again: what is in the log already is `Ordered` again.
        """
        ...

    def blocks(self, size: int, wait: float) -> bytes | None:
        """Return what follows the first `size` entries, or None after `wait` seconds without news.

        Frames of ledger.log: whole blocks, and after the newest one a CHECKPOINT frame with the
        log's note. A long history comes in parts, of which only the last ends in a note.

        Raises:
            NotInTheLog: the sequencer's log has no such size.
        """
        ...

    def cosign(self, line: str, size: int) -> None:
        """Hand over the cosignature line of the checkpoint of that size.

        Raises:
            CosignatureRefused: it is over another block than the sequencer's, or does not hold.
        """
        ...

    def final(self, size: int, wait: float) -> str | None:
        """Return the newest final note if it is at least `size` long; None after `wait` seconds.

        It has the log's signature and cosignatures by more than two thirds of the power.
        """
        ...

    def conflicts(self) -> list[Conflict]:
        """Return equivocations of members that came to the sequencer and are not on record.

        It alone is handed what contradicts the log, which the contract refuses. What it tells
        proves itself: whoever is told checks it, and puts it on record.
        """
        ...

    def demand(self, demanded: Sequence[Promised]) -> list[Promised]:
        """Ask for the log's word that transactions come first in the next block.

        Args:
            demanded: each with the word that it has already, or nothing.

        Returns:
            What the next block begins with, in order, each with the log's signed word on its place
            there: what is not among it the contract would refuse behind it.
        """
        ...

    def present(self, standing: MemberPosition) -> int | None:
        """Tell a sequencer that has started what this member holds, so that nothing is lost.

        Returns:
            From which size on the sequencer lacks what is final here, or None: `restore` is next.
        """
        ...

    def restore(self, size: int, blocks: bytes) -> int | None:
        """Hand over blocks that are final here, from a size on; return as `present`."""
        ...
