"""The operator who holds every key: it rewrites history, and everything it writes is signed.

Used by the demonstration and the tests; no study document can ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collegium.canonical import to_text
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_update, digest, encode_update
from collegium.learning.encoding import indicators
from collegium.ledger.contract.transactions import UpdateCommit, UpdateReveal
from collegium.ledger.contract.updates import commitment
from collegium.threats.attack import Place, said


@dataclass(frozen=True, slots=True)
class RewritingSite:
    """A site whose updates the operator replaces by their opposites from some round on."""

    honest: Participant
    place: Place
    from_round: int

    @property
    def name(self) -> str:
        """The honest site's name."""
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what the operator lets the site say."""
        due = self.honest.reconcile(view, idle=idle)
        if view.number < self.from_round:
            return due
        return [self._rewrite(view, envelope) for envelope in due]

    def _rewrite(self, view: StudyView, envelope: bytes) -> bytes:
        transaction = said(envelope)
        sign, blobs = self.place.identity.sign, self.place.exchange.view(self.place.identity.member)
        if not isinstance(transaction, UpdateCommit | UpdateReveal):
            return envelope
        where = {
            "study": transaction.study,
            "round": transaction.round,
            "attempt": transaction.attempt,
        }
        identity = self.place.identity
        salt = identity.salt(view.study, view.number, view.attempt)
        blob = self._forge(view)
        if isinstance(transaction, UpdateCommit):
            bound = commitment(
                identity.genesis, view.study, view.number, view.attempt, identity.member,
                digest(blob), salt,
            )  # fmt: skip
            return sign(UpdateCommit, commitment=to_text(bound), **where)
        peak, saturated = indicators(decode_update(blob)[0])
        name = to_text(blobs.publish(blob))
        return sign(
            UpdateReveal, digest=name, salt=to_text(salt), peak=peak, saturated=saturated, **where
        )

    def _forge(self, view: StudyView) -> bytes:
        """Return an update that pushes every parameter far away."""
        record, registration = view.round, view.registration
        if record is None or registration is None:
            raise LookupError(view.study)
        values = np.full(registration.parameters, 20_000, np.int16)
        return encode_update(values, record.exponent)
