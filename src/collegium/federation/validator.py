"""A validator: it fetches and checks, recomputes and votes, and keeps time."""

from __future__ import annotations

from time import perf_counter

from collegium.canonical import from_text, to_text
from collegium.errors import CollegiumError, FormatError, RunError
from collegium.federation.exchange import Blobs
from collegium.federation.identity import Identity
from collegium.federation.view import StudyView
from collegium.learning.aggregation.next_model import (
    check_update,
    next_model,
    rule_named,
    server_named,
)
from collegium.learning.blobs import decode_model
from collegium.ledger.contract.phases import PHASES
from collegium.ledger.contract.tables import RoundRecord, StudyRecord
from collegium.ledger.contract.transactions import (
    EvidenceConflict,
    PhaseTimeout,
    Reason,
    RoundVote,
    StudyAbandon,
    StudyClose,
    UpdateAvailable,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.study.document import Study


class Validator:
    """A member with voting power; it satisfies `Participant`."""

    def __init__(self, identity: Identity, blobs: Blobs, study: Study) -> None:
        self.name = f"{identity.member} (validator)"
        self.blobs = blobs
        self.seconds = 0.0
        self._idled_in: tuple[int, int, str] | None = None
        self._identity = identity
        self._study = study

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from this validator; when idle, its timers fire."""
        began = perf_counter()
        due = self._due(view, idle=idle)
        self.seconds += perf_counter() - began
        return due

    def _due(self, view: StudyView, *, idle: bool) -> list[bytes]:
        member = self._identity.member
        due = self._evidence(view) + self._late_vote(view)
        if view.phase in PHASES and member not in view.validators:
            return due
        if view.phase == "available" and not view.has_spoken("available", member):
            return due + self._attest(view, patient=not idle)
        if view.phase == "vote" and not view.has_spoken("votes", member):
            return due + self._vote(view, patient=not idle)
        if view.phase == "closing" and (idle or member == view.first_validator):
            return [*due, self._identity.sign(StudyClose, study=view.study)]
        if idle:
            due += self._timer(view)
        return due

    def _evidence(self, view: StudyView) -> list[bytes]:
        """Put proven equivocations on record; one validator does it for all."""
        if not view.conflicts or self._identity.member != view.first_validator:
            return []
        return [
            self._identity.sign(EvidenceConflict, first=to_text(first), second=to_text(second))
            for first, second in view.conflicts
        ]

    def _attest(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Post which updates are here and well-formed; a patient validator waits for the rest."""
        participants = list(view.participants)
        bitmap = bytearray((len(participants) + 7) // 8)
        for index, name in enumerate(participants):
            if name not in view.reveals:
                continue
            if self._is_sound(view, name):
                bitmap[index >> 3] |= 0x80 >> (index & 7)
            elif patient:
                return []
        return [
            self._identity.sign(
                UpdateAvailable, study=view.study, round=view.number, attempt=view.attempt,
                bitmap=to_text(bytes(bitmap)),
            )
        ]  # fmt: skip

    def _is_sound(self, view: StudyView, name: str) -> bool:
        """Return whether a revealed update can be had and is what its author claimed of it."""
        reveal, record, registration = view.reveals[name], view.round, view.registration
        if record is None or registration is None:
            return False
        data = self.blobs.fetch(from_text(reveal.digest, DIGEST_SIZE))
        if data is None:
            return False
        try:
            check_update(
                data, registration.parameters, record.exponent, reveal.peak, reveal.saturated
            )
        except FormatError:
            return False
        return True

    def _vote(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Recompute the next model and vote for its digest, or for failure with the reason.

        Now that it is fixed who is included, whoever holds a scarce update serves it to the
        others; before, that would hide which site served whom.
        """
        record, registration = view.round, view.registration
        if record is None or registration is None:
            return []
        for name in view.scarce:
            data = self.blobs.fetch(from_text(view.reveals[name].digest, DIGEST_SIZE))
            if data is not None:
                self.blobs.publish(data)
        verdict = self._recompute(view, registration, view.number, record, view.model)
        if verdict == "unavailable" and patient:
            return []
        return [self._ballot(view.study, view.number, record.attempt, verdict)]

    def _late_vote(self, view: StudyView) -> list[bytes]:
        """Vote on the last closed round if its quorum did not wait for this validator."""
        closed, registration = view.missed_vote(self._identity.member), view.registration
        if closed is None or registration is None or view.status is None:
            return []
        parent = view.parent(view.status.model)
        if parent is None:
            return []
        number = view.status.closed_rounds
        verdict = self._recompute(view, registration, number, closed, parent)
        return [self._ballot(view.study, number, closed.attempt, verdict)]

    def _ballot(self, study: str, number: int, attempt: int, verdict: bytes | Reason) -> bytes:
        if isinstance(verdict, bytes):
            model = to_text(self.blobs.publish(verdict))
            return self._identity.sign(
                RoundVote, study=study, round=number, attempt=attempt, model=model
            )
        return self._identity.sign(
            RoundVote, study=study, round=number, attempt=attempt, fail=verdict
        )

    def _recompute(
        self, view: StudyView, registration: StudyRecord, number: int, record: RoundRecord,
        parent: bytes,
    ) -> bytes | Reason:  # fmt: skip
        """Return the next model's bytes, or why there are none."""
        included = view.included(number, record.attempt)
        blobs = [
            self.blobs.fetch(from_text(reveal.digest, DIGEST_SIZE)) for _, reveal, _ in included
        ]
        start = self.blobs.fetch(parent)
        present = [data for data in blobs if data is not None]
        if start is None or len(present) < len(blobs) or not included:
            return "unavailable"
        server = self._study.aggregation.server
        try:
            return next_model(
                decode_model(start), present, tuple(weight for _, _, weight in included),
                tuple(name for name, _, _ in included), record.exponent,
                rule_named(registration.rule), server_named(registration.server, server.optimizer),
                server,
            )  # fmt: skip
        except FormatError:
            return "malformed"
        except RunError:
            return "arithmetic"
        except CollegiumError:
            return "refused"

    def _timer(self, view: StudyView) -> list[bytes]:
        """Say, when idle again, that a phase has lasted long enough; what waits is abandoned."""
        member, registration = self._identity.member, view.registration
        if registration is None or view.phase in ("absent", "closing", "closed"):
            return []
        here = (view.number, view.attempt, view.phase)
        if self._idled_in != here:
            # First everybody says what it has; only then is anybody late.
            self._idled_in = here
            return []
        if registration.attendance == "all":
            if view.has_abandoned(member):
                return []
            return [self._identity.sign(StudyAbandon, study=view.study)]
        if view.has_timed_out(member):
            return []
        inside = view.round is not None
        return [
            self._identity.sign(
                PhaseTimeout, study=view.study, round=view.number if inside else 0,
                attempt=view.attempt, phase=view.phase,
            )
        ]  # fmt: skip
