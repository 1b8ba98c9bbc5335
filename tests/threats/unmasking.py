"""How a sequencer alone would unmask a hospital: it keeps what opens a sum, and silences a member.

It answers "waiting" to what opens the first attempt at a sum and keeps it; honest timers end that
attempt. In the next one it holds back the victim's keys. If a sum of the others is opened then, the
difference is the victim's: what it keeps opens the first sum as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.audit.attempts import AttemptRecord
from collegium.audit.gathering import frozen, gather
from collegium.audit.history import read_history
from collegium.audit.studies import StudyHistory
from collegium.canonical import from_text
from collegium.ledger.blobs import read_blob
from collegium.ledger.contract.declared import opening_fields
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.payload import RoundTransaction
from collegium.ledger.contract.transactions import kind_of
from collegium.ledger.envelope import decode_envelope
from collegium.mechanisms.dealing.terms import SecaggKeys
from collegium.resolving.blobs import StoredBlobs
from collegium.resolving.hidden import posted_shares, size_of
from collegium.secrecy.masking import signed
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.secure_sum import SumFailure


@dataclass(slots=True)
class Unmasker:
    """What a sequencer decides of each transaction.

    Attributes:
        victim: the id of whose update it wants.
        number: the round, or the sum, of which it wants it.
        kept: who sent what of that which opens the first attempt.
    """

    victim: str
    number: int
    kept: dict[str, bytes] = field(default_factory=dict)

    def withholds(self, member: str, envelope: bytes) -> bool:
        """Return whether a member is told to wait; keep what opens the first attempt."""
        said = decode_transaction(decode_envelope(envelope).payload)
        if not isinstance(said, RoundTransaction) or said.round != self.number:
            return False
        if said.attempt == 1 and (opens := opening_fields().get(kind_of(said))):
            text: str = getattr(said, opens)
            self.kept[member] = from_text(text, len(text) * 6 // 8)
            return True
        return said.attempt > 1 and isinstance(said, SecaggKeys) and member == self.victim

    def difference(self, folder: Path, relayed: Path | None = None) -> NDArray[np.int64] | None:
        """Return what the sums of two attempts differ by; None where no second one is opened.

        Args:
            folder: with the ledger and the blobs that it names.
            relayed: other blobs that went over the sequencer.
        """
        study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
        (story,) = study_histories.values()
        attempts = [one for one in story.every_attempt if one.opened.round == self.number]
        attempts[0].shares = dict(self.kept)
        first = _sum(story, attempts[0], folder, relayed)
        assert first is not None, "what it kept opens the first sum"
        for later in attempts[1:]:
            if self.victim in later.included:
                continue
            second = _sum(story, later, folder, relayed) if later.shares else None
            if second is not None:
                return first - second
        return None


def _sum(
    story: StudyHistory, record: AttemptRecord, folder: Path, relayed: Path | None
) -> NDArray[np.int64] | None:
    def read(digest: bytes) -> bytes | None:
        found = read_blob(folder / "blobs", digest)
        return read_blob(relayed, digest) if found is None and relayed is not None else found

    blobs = StoredBlobs(read, lambda names: [read(one) for one in names], lambda _: None)
    attempt = frozen(story, record)
    vectors, deals = blobs.hidden(attempt)
    protocol, posted = secure_sum_named(attempt.terms.design), posted_shares(attempt, blobs)
    size = size_of(attempt, blobs)
    assert size is not None
    found = protocol.total(attempt.agreement, size, vectors, deals, posted)
    return None if isinstance(found, SumFailure) else signed(found).astype(np.int64)
