"""One member's copy of the ledger: it believes nothing that it has not replayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collegium.ledger.book import Accepted, Ledger
from collegium.ledger.engines.log.connection import Connection
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import SigningKey
from collegium.ledger.state import State

KeyOf = Callable[[bytes], SigningKey | None]
"""A member's signing key for one of its public keys, or None where it does not hold it.

A key that was rotated still cosigns the block that rotates it, so the old one is kept a while."""


class Replica:
    """A member's copy: ledger.log, `final` and `cosigned` in its home. Make it by `open_replica`.

    Attributes:
        identity: the genesis digest.
        ledger: the copy itself; it may be one block ahead of what is final.
    """

    identity: bytes
    ledger: Ledger

    @property
    def state(self) -> State:
        """The contract's state after `size` entries. Act on it only while `settled`."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of entries held."""
        raise NotImplementedError

    @property
    def final_size(self) -> int:
        """Number of entries that are final."""
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        """Whether everything held is final, so that a participant may act on `state`."""
        raise NotImplementedError

    @property
    def final_note(self) -> str | None:
        """The newest final note, log signature and cosignatures; None before the first block."""
        raise NotImplementedError

    def step(self, wait: float) -> list[Accepted]:
        """Fetch, check, replay, persist, cosign; return what has become final, in order.

        Nothing is returned twice, also across restarts: who needs what was final before opens
        the ledger's state. Empty after `wait` seconds without news, and while the last block
        lacks cosignatures (then `settled` is false).

        Raises:
            SequencerLied: what came cannot be; the evidence is in the home's `evidence` folder.
            CollegiumError: the sequencer cannot be reached.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release the files."""
        raise NotImplementedError


def open_replica(
    home: Path,
    genesis: Genesis,
    member: str,
    key_of: KeyOf,
    connection: Connection,
    warn: Callable[[str], None],
) -> Replica:
    """Open a member's copy in its home, or begin one.

    A file that contradicts itself is put aside and fetched anew; `warn` is told.

    Args:
        home: the folder that holds ledger.log, `final`, `cosigned` and `evidence`.
        genesis: the ledger's.
        member: the id of the member whose copy it is.
        key_of: its signing keys; a member without a validator's key replays and does not cosign.
        connection: its way to the sequencer.
        warn: where warnings go.

    Raises:
        RunError: the file is another ledger's.
        CollegiumError: the files cannot be used.
    """
    raise NotImplementedError
