"""The seam between a member and the sequencer: four questions that a member asks.

A member only ever asks; nobody calls a member. `transport.client` asks over HTTPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ordered:
    """The sequencer has put a transaction in the log, and its disk holds it. Not final yet."""

    index: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The contract refuses a transaction, with its code; or the sequencer does, with ``busy``.

    What is ``busy`` was not looked at: the member's quota or the pool is full, so ask again later.
    """

    code: str
    reason: str


Answer = Ordered | Refused


class Connection(Protocol):
    """One member's way to the sequencer. Implementations may be called from several threads.

    Raises:
        CollegiumError: from every method, where the sequencer cannot be reached or answers
            nonsense; `transport.unreachable` where asking again later may help.
    """

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over and wait until they are decided; one answer for each.

        The same bytes may be handed over again: what is in the log already is `Ordered` again.
        """
        ...

    def blocks(self, size: int, wait: float) -> bytes | None:
        """Return what follows the first `size` entries, or None after `wait` seconds without news.

        Frames of ledger.log: whole blocks, and after the newest one a CHECKPOINT frame with the
        log's note. A long history comes in parts, of which only the last ends in a note.
        """
        ...

    def cosign(self, line: str, size: int) -> None:
        """Hand over the cosignature line of the checkpoint of that size."""
        ...

    def final(self, size: int, wait: float) -> str | None:
        """Return the newest final note if it is at least `size` long; None after `wait` seconds.

        It has the log's signature and cosignatures by more than two thirds of the power.
        """
        ...
