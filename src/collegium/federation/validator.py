"""A validator: it fetches and checks, recomputes and votes, and keeps time."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from time import perf_counter

from collegium.canonical import from_text, to_text
from collegium.errors import FormatError
from collegium.federation.beginning import KnownBeginning
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import WriteOnce
from collegium.federation.sealing import check_recipients
from collegium.federation.speaking import (
    ReservedRows,
    Speaker,
    back_again,
    said_by_validators,
    said_in_phase,
    serve_scarce,
)
from collegium.federation.timekeeper import Timekeeper
from collegium.federation.view import StudyView
from collegium.ledger.contract.bitmaps import bitmap_of
from collegium.ledger.contract.declared import is_masked
from collegium.ledger.contract.results import Failure, ModelResult, Result
from collegium.ledger.contract.silence import SITES
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.contract.transactions import (
    EvidenceConflict,
    RoundVote,
    UpdateAvailable,
)
from collegium.ledger.equivocation import Conflict
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.sealing import KeyOf
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import DecodedUpdates, StoredBlobs
from collegium.resolving.hidden import size_of
from collegium.resolving.plan import Plan
from collegium.resolving.resolve import resolve
from collegium.secrecy.sum_setup import AttemptId
from collegium.study.canonical import document_bytes
from collegium.study.document import Study

UNAVAILABLE = Failure(reason="unavailable")


class Validator:
    """A member with voting power; it satisfies `Participant`."""

    def __init__(
        self, identity: Identity, blobs: Blobs, outbox: WriteOnce, study: Study,
        key_of: KeyOf | None = None, readings: DecodedUpdates | None = None,
        reserved: Mapping[str, ReservedRows] | None = None,
    ) -> None:  # fmt: skip
        """Return a validator; `readings` may be shared with others of its process.

        `key_of` are the keys that open updates, its present one if None. `reserved` are rows that
        mechanisms have it work on, if it has any.
        """
        self.name = f"{identity.member} (validator)"
        self.blobs = blobs
        keys = key_of or {identity.key.public: identity.key}.get
        self._read = StoredBlobs(  # whatever blobs it has by then
            lambda name: self.blobs.fetch(name), lambda names: self.blobs.fetch_all(names),
            keys, readings or DecodedUpdates(),
        )  # fmt: skip
        self._found: tuple[AttemptId, Result] | None = None
        self.says = said_by_validators()
        self._outbox, self._reserved = outbox, reserved or {}
        self.seconds = 0.0
        self._timekeeper = Timekeeper(identity)
        self._noted: tuple[Conflict, ...] = ()
        self._identity = identity
        self._study = study
        self._first = KnownBeginning(study)
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
        if view.round is not None and member not in view.validators:
            # It was admitted since the round opened: it does not vote, but timers need its power.
            return due + self._timekeeper.reconcile(view, idle=idle)
        if registration is not None and view.is_training and self._strange(registration):
            return due + self._timekeeper.reconcile(view, idle=idle)
        due += self._back(view)
        if view.phase == "available" and not view.has_spoken("available", member):
            return due + self._attest(view, patient=not idle)
        if view.phase == "vote" and not view.has_spoken("votes", member):
            return due + self._vote(view, patient=not idle)
        speaker = Speaker(
            self._identity, self._study, self.blobs, self._outbox, not idle, self._read,
            self._reserved,
        )  # fmt: skip
        due += said_in_phase(speaker, view, self.says)
        return due + self._timekeeper.reconcile(view, idle=idle)

    def _back(self, view: StudyView) -> list[bytes]:
        """Say that the validator is there, as whatever it was silent and can speak.

        Who has reserved no rows cannot speak as what mechanisms have others of them speak.
        """
        member = self._identity.member
        able = any(member in reserved.rows for reserved in self._reserved.values())
        silences = [
            one
            for (speakers, name), one in view.silences.items()
            if name == member and (speakers == "validators" or (able and speakers != SITES))
        ]
        return back_again(self._identity, view, silences)

    def _strange(self, registration: StudyRecord) -> bool:
        """Return whether the study begins with another model than its document says.

        Then its rounds come to nothing: nobody attests to updates of it, or votes.
        """
        return self._first.of(registration, self.blobs.fetch, begun=True) == "other"

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
        here, held = view.here, set()
        if here is None:
            return []
        for name in here.reveals:
            if self._is_sound(view, here, name):
                held.add(name)
            elif patient:
                return []
        return [
            self._identity.sign(
                UpdateAvailable, study=view.study, round=view.number, attempt=view.attempt,
                bitmap=to_text(bitmap_of(list(here.participants), held)),
            )
        ]  # fmt: skip

    def _is_sound(self, view: StudyView, here: Attempt, name: str) -> bool:
        """Return whether a revealed update can be had and is what its author claimed of it."""
        try:
            if not is_masked(here.terms.design):
                check_recipients(self.blobs, view, here.reveals[name])
                return not isinstance(self._read.update(here, name), str)
            data, plan = self._read.raw(here, name), Plan(self._study, here.terms)
            size = size_of(here, self._read)
            if isinstance(data, str) or size is None:
                return False
            plan.protocol.check(data, size, here.ring, here.exponent)
        except FormatError:
            return False
        return True

    def _vote(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Recompute the next model and vote for it, or for failure with the reason.

        Whoever holds a scarce update serves it to the others first.
        """
        serve_scarce(view, self.blobs)
        return self._vote_on(view.here, patient=patient)

    def _vote_on(self, attempt: Attempt | None, *, patient: bool) -> list[bytes]:
        """Return the vote on an attempt; none yet where a patient validator waits for blobs."""
        result = None if attempt is None else self._resolved(attempt)
        if attempt is None or (result == UNAVAILABLE and patient):
            return []
        place = attempt.place
        return [
            self._identity.sign(
                RoundVote, study=place.study, round=place.round, attempt=place.attempt,
                result=result,
            )
        ]  # fmt: skip

    def _resolved(self, attempt: Attempt) -> Result:
        """Return what an attempt comes to; the model or sum that it names is then published.

        It is calculated once; only what was not to be had is tried again.
        """
        if self._found is not None and self._found[0] == attempt.place:
            name = _named(self._found[1])
            if name is None or self.blobs.fetch(name) is not None:
                return self._found[1]
        resolved = resolve(attempt, self._read, Plan(self._study, attempt.terms))
        if resolved.result is None:
            return UNAVAILABLE
        name = _named(resolved.result)
        if name is not None:
            self.blobs.publish(resolved.data, name=name)
            if resolved.model is not None:
                self._read.remember(name, resolved.model)
        self._found = attempt.place, resolved.result
        self._read.forget_updates()
        return resolved.result

    def _late_vote(self, view: StudyView, *, patient: bool) -> list[bytes]:
        """Vote on the last closed round if its quorum did not wait for this validator."""
        if not view.missed_vote(self._identity.member):
            return []
        return self._vote_on(view.last, patient=patient)

    def _mend(self, view: StudyView) -> None:
        """Publish the last good model again where its blob is gone or damaged."""
        if view.phase == "closed" or view.last_closed is None:
            return
        if self.blobs.fetch(view.model) is None and view.last is not None:
            self._resolved(view.last)


def _named(result: Result) -> bytes | None:
    """Return the digest of the blob that a result names."""
    if isinstance(result, Failure):
        return None
    name = result.model if isinstance(result, ModelResult) else result.total
    return from_text(name, DIGEST_SIZE)
