"""How many bytes a blob may have: it follows from the study that names it, and from what it is.

Whoever fetches a blob of a study, and whoever publishes one, goes by the same limit, so that
nothing is sent that the others would not read. docs/decisions/0153.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from collegium.canonical import LONGEST_DOCUMENT, from_text
from collegium.errors import NodeError
from collegium.federation.view import StudyView
from collegium.learning.blobs import MODEL_TAG
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.tables import RevealRecord, StudyRecord
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.retirement import is_update
from collegium.ledger.state import State
from collegium.storage.cached import CachedBlobs
from collegium.storage.store import LARGEST

Kind = Literal["document", "model", "update", "other"]
"""What a blob is: "other" are deals, shares, statistics and statements."""

HEADER = 1 << 20
"""Bytes of a model or an update that do not grow with its parameters: the tensors' names, the
keys of up to 400 recipients, a ciphertext that is not full."""

OTHER = 1 << 26
"""The same of deals, shares, statistics of tables and statements."""

BYTES_A_PARAMETER = 64
"""The widest encoding, an encrypted update's residues, takes less; so does a model with the
memory of its server's optimizer."""


def largest(record: StudyRecord | None, kind: Kind) -> int:
    """Return the most bytes that a study's blob of a kind may have.

    Of a study that is not registered only the document is known.
    """
    if kind == "document" or record is None:
        return LONGEST_DOCUMENT
    return (OTHER if kind == "other" else HEADER) + BYTES_A_PARAMETER * record.parameters


def largest_in(state: State, study: str, kind: Kind) -> int:
    """Return the same by the ledger's word."""
    return largest(StudyView(state, study).registration, kind)


@dataclass(frozen=True, slots=True)
class StudyBlobs:
    """A member's blobs as its participants in one study have them; it satisfies `Blobs`."""

    blobs: CachedBlobs
    state: Callable[[], State]
    study: str

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Make a blob visible to everybody; return its digest.

        Raises:
            NodeError: it is larger than what the others would read.
        """
        most = self._may_be_sent(data)
        if len(data) > most:
            raise NodeError(
                "node.blob-too-large", f"a blob of {self.study} has {len(data)} bytes",
                f"the others read at most {most} bytes of such a blob of this study",
                "send fewer: see which part of the study makes it so large",
            )  # fmt: skip
        return self.blobs.publish(data, sync=sync, name=name)

    def fetch(self, digest: bytes) -> bytes | None:
        """Return the blob of that digest if one can be had, checked."""
        return self.blobs.fetch(digest, self._may_be_read)

    def fetch_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs as `fetch` does, in less time than one after the other takes."""
        return self.blobs.fetch_all(digests, self._may_be_read)

    def _may_be_read(self, digest: bytes) -> int:
        view = StudyView(self.state(), self.study)
        return largest(view.registration, _kind(view, digest))

    def _may_be_sent(self, data: bytes) -> int:
        view = StudyView(self.state(), self.study)
        record = view.registration
        if data.startswith(MODEL_TAG):  # before it is registered, the model says its own size
            return LARGEST if record is None else largest(record, "model")
        counted = view.is_summing or view.phase.startswith("statistics.")
        return largest(record, "update" if is_update(data) and not counted else "other")


def _kind(view: StudyView, digest: bytes) -> Kind:
    """Return what the ledger calls a blob of that digest."""
    record = view.registration
    if record is None or digest == from_text(record.document, DIGEST_SIZE):
        return "document"
    if digest in (view.model, from_text(record.initial, DIGEST_SIZE)):
        return "model"
    rounds = [(view.number, view.here), (view.closed_rounds, view.last)]
    revealed = [
        one
        for number, attempt in rounds
        if attempt is not None and not is_sum(number)
        for one in attempt.reveals.values()
    ]
    return "update" if any(digest in _names(one) for one in revealed) else "other"


def _names(reveal: RevealRecord) -> set[bytes]:
    names = (reveal.digest, reveal.sealed)
    return {from_text(name, DIGEST_SIZE) for name in names if isinstance(name, str)}
