"""A validator: it fetches and checks, recomputes and votes, and keeps time."""

from __future__ import annotations

from hashlib import sha256
from time import perf_counter

from collegium.canonical import from_text, to_text
from collegium.errors import CollegiumError, FormatError, RunError
from collegium.federation.exchange import Blobs
from collegium.federation.identity import Identity
from collegium.federation.sealing import blob_of, check_recipients, fetch_update
from collegium.federation.statistics import statistics_vote
from collegium.federation.view import StudyView
from collegium.learning.aggregation.next_model import (
    checked_update,
    next_model,
    rule_named,
    server_named,
)
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, decode_model, encode_model
from collegium.ledger.contract.phases import PHASES
from collegium.ledger.contract.tables import Reveal, RoundRecord, StudyRecord
from collegium.ledger.contract.transactions import (
    EvidenceConflict,
    PhaseTimeout,
    Reason,
    RoundVote,
    StudyAbandon,
    StudyClose,
    UpdateAvailable,
)
from collegium.ledger.equivocation import Conflict
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.sealing import Context, KeyOf
from collegium.study.canonical import document_bytes
from collegium.study.document import Study

KEPT_BYTES = 1 << 26
"""A round's updates are kept between checking and recomputing up to this size."""

_Claim = tuple[Context, bytes, int, int, int]
"""Where an update belongs; its blob, peak and saturated count as revealed; the exponent."""


class Validator:
    """A member with voting power; it satisfies `Participant`."""

    def __init__(
        self, identity: Identity, blobs: Blobs, study: Study, key_of: KeyOf | None = None
    ) -> None:
        """Return a validator; `key_of` are the keys that open updates, its present one if None."""
        self.name = f"{identity.member} (validator)"
        self.blobs = blobs
        self._key_of = key_of or {identity.key.public: identity.key}.get
        self.seconds = 0.0
        self._idled_in: tuple[int, int, str] | None = None
        self._noted: tuple[Conflict, ...] = ()
        self._judged: tuple[tuple[str, int, int], bytes | Reason] | None = None
        self._checked: dict[_Claim, Contribution] = {}
        self._made: tuple[bytes, ModelState] | None = None
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
        if idle or view.phase == "commit":  # as a round begins, or nothing goes on
            self._mend(view)
        due = self._evidence(view, idle=idle) + self._late_vote(view, patient=not idle)
        if view.phase in PHASES and member not in view.validators:
            return due
        if view.phase == "available" and not view.has_spoken("available", member):
            return due + self._attest(view, patient=not idle)
        if view.phase == "vote" and not view.has_spoken("votes", member):
            return due + self._vote(view, patient=not idle)
        if view.phase == "statistics.vote":
            due += statistics_vote(self._identity, self.blobs, self._study, view, patient=not idle)
        if view.phase == "closing" and (idle or member == view.first_validator):
            return [*due, self._identity.sign(StudyClose, study=view.study)]
        if idle:
            due += self._timer(view)
        return due

    def _evidence(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Put proven equivocations on record; others do what the first validator leaves out."""
        if not view.conflicts:
            self._noted = ()
            return []
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
        if view.round is None or view.registration is None:
            return False
        reveal, at = view.reveals[name], (view.study, view.number, view.attempt, name)
        try:
            check_recipients(self.blobs, view, reveal)
            found = self._update(at, reveal, view.registration, view.round.exponent)
        except FormatError:
            return False
        return found is not None

    def _update(
        self, at: tuple[str, int, int, str], reveal: Reveal, registration: StudyRecord,
        exponent: int,
    ) -> Contribution | None:  # fmt: skip
        """Return a revealed update, checked once, or None where it is not to be had.

        Args:
            at: study, round, attempt and author.
            reveal: what its author said of it.
            registration: the study's.
            exponent: the round's.

        Raises:
            FormatError: it is not what its author claimed of it.
        """
        name = from_text(reveal.digest, DIGEST_SIZE)
        context = Context(self._identity.genesis, *at, name)
        claim = (context, blob_of(reveal), reveal.peak, reveal.saturated, exponent)
        if claim in self._checked:
            return self._checked[claim]
        data = fetch_update(self.blobs, reveal, context, self._key_of)
        if data is None:
            return None
        found = checked_update(
            name, data, registration.parameters, exponent, reveal.peak, reveal.saturated
        )
        if 2 * registration.parameters * registration.per_round <= KEPT_BYTES:
            self._checked[claim] = found
        return found

    def _vote(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Recompute the next model and vote for its digest, or for failure with the reason.

        Now that it is fixed who is included, whoever holds a scarce update serves it to the
        others; before, that would hide which site served whom.
        """
        record, registration = view.round, view.registration
        if record is None or registration is None:
            return []
        for name in view.scarce:
            data = self.blobs.fetch(blob_of(view.reveals[name]))
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
        said = {"model": to_text(verdict)} if isinstance(verdict, bytes) else {"fail": verdict}
        return self._identity.sign(RoundVote, study=study, round=number, attempt=attempt, **said)

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
        if not isinstance(found, ModelState):
            verdict: bytes | Reason = found
        else:
            verdict = self.blobs.publish(encode_model(found))
            self._made = verdict, found
        if verdict != "unavailable":
            self._judged = attempt, verdict
            self._checked.clear()
        return verdict

    def _recompute(
        self, view: StudyView, registration: StudyRecord, number: int, record: RoundRecord,
        parent: bytes,
    ) -> ModelState | Reason:  # fmt: skip
        """Return the next model, or why there is none."""
        included = view.included(number, record.attempt)
        server = self._study.aggregation.server
        try:
            start = self._model(parent)
            found = [
                self._update(
                    (view.study, number, record.attempt, name), reveal, registration,
                    record.exponent,
                )
                for name, reveal, _ in included
            ]  # fmt: skip
            updates = [one for one in found if one is not None]
            if start is None or len(updates) < len(found) or not included:
                return "unavailable"
            return next_model(
                start, updates, tuple(weight for _, _, weight in included),
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

    def _model(self, name: bytes) -> ModelState | None:
        """Return a model; the one that this validator made last need not be read again.

        Raises:
            FormatError: the blob is no model.
        """
        if self._made is not None and self._made[0] == name:
            return self._made[1]
        data = self.blobs.fetch(name)
        return None if data is None else decode_model(data)

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
