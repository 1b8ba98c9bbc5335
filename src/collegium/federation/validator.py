"""A validator: it fetches and checks, recomputes and votes, and keeps time."""

from __future__ import annotations

from hashlib import sha256
from time import perf_counter

from collegium.canonical import from_text, to_text
from collegium.errors import CollegiumError, FormatError, RunError
from collegium.federation.exchange import Blobs
from collegium.federation.identity import Identity
from collegium.federation.view import StudyView
from collegium.federation.witness import Conflict
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
from collegium.study.canonical import document_bytes
from collegium.study.document import Study


class Validator:
    """A member with voting power; it satisfies `Participant`."""

    def __init__(self, identity: Identity, blobs: Blobs, study: Study) -> None:
        self.name = f"{identity.member} (validator)"
        self.blobs = blobs
        self.seconds = 0.0
        self._idled_in: tuple[int, int, str] | None = None
        self._noted: tuple[Conflict, ...] = ()
        self._judged: tuple[tuple[str, int, int], bytes | Reason] | None = None
        self._identity = identity
        self._study = study
        self._document = to_text(sha256(document_bytes(study)).digest())

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from this validator; when idle, its timers fire."""
        began = perf_counter()
        due = self._due(view, idle=idle)
        self.seconds += perf_counter() - began
        return due

    def _due(self, view: StudyView, *, idle: bool) -> list[bytes]:
        member, registration = self._identity.member, view.registration
        if registration is not None and registration.document != self._document:
            return []  # a study of which this validator was given another document, or none
        self._mend(view)
        due = self._evidence(view, idle=idle) + self._late_vote(view, patient=not idle)
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

    def _evidence(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Put proven equivocations on record; others do what the first validator leaves out."""
        at_once = idle or self._identity.member == view.first_validator
        due = [
            self._identity.sign(EvidenceConflict, first=to_text(pair[0]), second=to_text(pair[1]))
            for pair in view.conflicts
            if at_once or pair in self._noted
        ]
        self._noted = view.conflicts
        return due

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
        verdict = self._verdict(view, registration, view.number, record, view.model)
        if verdict == "unavailable" and patient:
            return []
        return [self._ballot(view.study, view.number, record.attempt, verdict)]

    def _late_vote(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Vote on the last closed round if its quorum did not wait for this validator."""
        closed = view.missed_vote(self._identity.member)
        verdict = None if closed is None else self._verdict_on_last(view, closed)
        if closed is None or verdict is None or (verdict == "unavailable" and patient):
            return []
        return [self._ballot(view.study, view.closed_rounds, closed.attempt, verdict)]

    def _mend(self, view: StudyView) -> None:
        """Publish the last good model again where its blob is gone or damaged."""
        closed = view.last_closed
        if closed is not None and view.phase != "closed" and self.blobs.fetch(view.model) is None:
            self._verdict_on_last(view, closed)

    def _verdict_on_last(self, view: StudyView, closed: RoundRecord) -> bytes | Reason | None:
        """Return the verdict on the last closed round, whose model is the last good one."""
        parent, registration = view.parent(to_text(view.model)), view.registration
        if parent is None or registration is None:
            return None
        return self._verdict(view, registration, view.closed_rounds, closed, parent)

    def _ballot(self, study: str, number: int, attempt: int, verdict: bytes | Reason) -> bytes:
        if isinstance(verdict, bytes):
            return self._identity.sign(
                RoundVote, study=study, round=number, attempt=attempt, model=to_text(verdict)
            )
        return self._identity.sign(
            RoundVote, study=study, round=number, attempt=attempt, fail=verdict
        )

    def _verdict(
        self, view: StudyView, registration: StudyRecord, number: int, record: RoundRecord,
        parent: bytes,
    ) -> bytes | Reason:  # fmt: skip
        """Return the digest of an attempt's model, which is then published, or why there is none.

        It is calculated once; only what was not to be had is tried again.
        """
        attempt = (view.study, number, record.attempt)
        if self._judged is not None and self._judged[0] == attempt:
            known = self._judged[1]
            if isinstance(known, str) or self.blobs.fetch(known) is not None:
                return known
        found = self._recompute(view, registration, number, record, parent)
        verdict = self.blobs.publish(found) if isinstance(found, bytes) else found
        if verdict != "unavailable":
            self._judged = attempt, verdict
        return verdict

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
                rule_named(registration.rule), self._study.aggregation.tolerate,
                server_named(registration.server), server,
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
        waits_for_all = registration.attendance == "all"
        if view.has_abandoned(member) if waits_for_all else view.has_timed_out(member):
            return []
        inside = view.round is not None
        return [
            self._identity.sign(
                StudyAbandon if waits_for_all else PhaseTimeout, study=view.study,
                round=view.number if inside else 0, attempt=view.attempt, phase=view.phase,
            )
        ]  # fmt: skip
