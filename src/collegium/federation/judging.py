"""What a validator makes of an attempt: which updates are sound, and the model they lead to."""

from __future__ import annotations

from dataclasses import dataclass, field

from collegium.canonical import to_text
from collegium.errors import CollegiumError, FormatError, RunError
from collegium.federation.exchange import Blobs
from collegium.federation.hidden import hidden_attempt, hidden_size
from collegium.federation.identity import Identity
from collegium.federation.readings import Readings
from collegium.federation.sealing import blob_of, check_recipients, update_of
from collegium.federation.statistics import agreed_before
from collegium.federation.verdict import UNAVAILABLE, Verdict, failed_sum, failure
from collegium.federation.view import StudyView
from collegium.learning.aggregation.following import followed, within
from collegium.learning.aggregation.next_model import (
    checked_reading,
    next_model,
    rule_named,
    server_named,
)
from collegium.learning.aggregation.random_k import Drawn, drawn_of
from collegium.learning.aggregation.stopping import is_over, measured_loss
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, decode_model, encode_model
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.contract.ring import ring_in
from collegium.ledger.contract.rules import sent_of
from collegium.ledger.contract.series import is_sum, step_of
from collegium.ledger.contract.tables import Reveal, RoundRecord, StudyRecord
from collegium.ledger.sealing import Context, KeyOf, unseal
from collegium.secrecy.evaluated import evaluated
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import Recipe, outcome
from collegium.secrecy.set_up import agreed_by_sum
from collegium.study.document import Study
from collegium.study.searching import at_round
from collegium.study.tables import smallest_of

KEPT_BYTES = 1 << 26
"""A round's updates are kept between checking and recomputing up to this size."""

_Place = tuple[str, int, int, str]
"""Study, round, attempt and author of an update."""


@dataclass(slots=True)
class Judge:
    """Fetches, checks and recomputes, each thing once.

    Attributes:
        identity: the validator's.
        study: the document.
        key_of: the keys that open sealed updates.
        readings: of update blobs, which validators of one process may share.
    """

    identity: Identity
    study: Study
    key_of: KeyOf
    readings: Readings
    _judged: tuple[tuple[str, int, int], Verdict] | None = None
    _checked: dict[_Place, tuple[Reveal, int, Contribution]] = field(default_factory=dict)
    _made: tuple[bytes, ModelState] | None = None

    def is_sound(self, view: StudyView, blobs: Blobs, name: str) -> bool:
        """Return whether a revealed update can be had and is what its author claimed of it."""
        record, registration = view.round, view.registration
        if record is None or registration is None:
            return False
        reveal, at = view.reveals[name], (view.study, view.number, view.attempt, name)
        try:
            design, number = view.terms(view.number).design, view.number
            if is_masked(design):
                data = blobs.fetch(blob_of(reveal))
                ring = ring_in(number, view.participants.values())
                size = hidden_size(view, blobs, number)
                if data is None or size is None:
                    return False
                secure_sum_named(design).check(data, size, ring, record.exponent)
                return True
            check_recipients(blobs, view, reveal)
            found = self._update(blobs, at, reveal, registration, record.exponent)
        except FormatError:
            return False
        return found is not None

    def verdict(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord, parent: bytes
    ) -> Verdict:
        """Return what there is to vote on an attempt; its model, if any, is then published.

        It is calculated once; only what was not to be had is tried again.
        """
        attempt = (view.study, number, record.attempt)
        if self._judged is not None and self._judged[0] == attempt:
            known = self._judged[1]
            made = known.model or known.total
            if made is None or blobs.fetch(made) is not None:
                return known
        verdict = self._judge(view, blobs, number, record, parent)
        if verdict != UNAVAILABLE:
            self._judged = attempt, verdict
            self._checked.clear()
        return verdict

    def _judge(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord, parent: bytes
    ) -> Verdict:
        registration = view.registration
        if registration is None:
            return UNAVAILABLE
        try:
            if is_sum(number):
                return self._sum(view, blobs, number, record, parent)
            start = self._model(blobs, parent)
            if start is None:
                return UNAVAILABLE
            if is_masked(registration.design):
                return self._unmask(view, blobs, number, record, parent, start, registration)
            return self._aggregate(view, blobs, number, record, parent, start, registration)
        except FormatError:
            return Verdict(fail="malformed")
        except RunError:
            return Verdict(fail="arithmetic")
        except CollegiumError:
            return Verdict(fail="refused")

    def _drawn(self, number: int, parent: bytes, start: ModelState) -> Drawn | None:
        return drawn_of(self.study, self.identity.genesis, number, parent, start.parameters.size)

    def _is_over(self, model: ModelState) -> bool:
        stopping = self.study.training.early_stopping
        return is_over(model, None if stopping is None else stopping.patience)

    def _publish(self, blobs: Blobs, model: ModelState) -> bytes:
        name = blobs.publish(encode_model(model))
        self._made = name, model
        return name

    def _aggregate(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord, parent: bytes,
        start: ModelState, registration: StudyRecord,
    ) -> Verdict:  # fmt: skip
        """Return the verdict on plain updates."""
        updates = self._included(view, blobs, number, record, registration)
        if updates is None:
            return UNAVAILABLE
        included = view.included(number, record.attempt)
        names = [name for name, _, _ in included]
        scores = view.scores.given(self.study, number, record.attempt, record.exponent, names)
        model = next_model(
            start, updates, tuple(weight for _, _, weight in included), tuple(names),
            record.exponent, rule_named(registration.rule), self.study.aggregation.tolerate,
            server_named(registration.server), at_round(self.study, number)[0].aggregation.server,
            scores, self._drawn(number, parent, start),
        )  # fmt: skip
        told = within(updates) if followed(model.tensors) else None
        return Verdict(
            self._publish(blobs, model), early=self._is_over(model), within=told,
            validation=measured_loss(model),
        )  # fmt: skip

    def _included(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord,
        registration: StudyRecord,
    ) -> list[Contribution] | None:  # fmt: skip
        """Return the included plain updates in order, or None where one is not to be had."""
        included = view.included(number, record.attempt)
        found = [
            self._update(
                blobs, (view.study, number, record.attempt, name), reveal, registration,
                record.exponent,
            )
            for name, reveal, _ in included
        ]  # fmt: skip
        updates = [one for one in found if one is not None]
        return updates if included and len(updates) == len(found) else None

    def to_score(
        self, view: StudyView, blobs: Blobs
    ) -> tuple[ModelState, dict[str, Contribution]] | None:  # fmt: skip
        """Return the open round's model and included updates, or None where one is not here."""
        record, registration = view.round, view.registration
        if record is None or registration is None:
            return None
        try:
            start = self._model(blobs, view.model)
            updates = self._included(view, blobs, view.number, record, registration)
        except FormatError:
            return None
        if start is None or updates is None:
            return None
        names = (name for name, _, _ in view.included(view.number, record.attempt))
        return start, dict(zip(names, updates, strict=True))

    def _unmask(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord, parent: bytes,
        start: ModelState, registration: StudyRecord,
    ) -> Verdict:  # fmt: skip
        """Return the verdict on hidden updates."""
        recipe = Recipe(
            secure_sum_named(registration.design), sent_of(registration),
            rule_named(registration.rule), self.study.aggregation.tolerate,
            server_named(registration.server), at_round(self.study, number)[0].aggregation.server,
            self._drawn(number, parent, start),
        )  # fmt: skip
        attempt = hidden_attempt(
            view, blobs, self.identity.genesis, number, record, parent, self.study
        )
        if attempt is None:
            return UNAVAILABLE
        found = outcome(attempt, start, recipe)
        if found.model is None:
            return failure(found)
        return Verdict(
            self._publish(blobs, found.model), None, found.saturated, found.small,
            early=self._is_over(found.model), validation=measured_loss(found.model),
            within=found.within, without=tuple(sorted(found.refused)),
        )  # fmt: skip

    def _sum(
        self, view: StudyView, blobs: Blobs, number: int, record: RoundRecord, model: bytes
    ) -> Verdict:
        """Return the verdict on hidden counts."""
        attempt = hidden_attempt(
            view, blobs, self.identity.genesis, number, record, model, self.study
        )
        if attempt is None:
            return UNAVAILABLE
        sealed, design = attempt.by_group()[0], view.terms(number).design
        if step_of(number) is None:
            found = evaluated(design, sealed, to_text(model))
        else:
            before = agreed_before(view, blobs)
            if before is None:
                return UNAVAILABLE
            found = agreed_by_sum(design, sealed, before, smallest_of(self.study))
        return failed_sum(found) if not isinstance(found, bytes) else Verdict(
            total=blobs.publish(found)
        )  # fmt: skip

    def _update(
        self, blobs: Blobs, at: _Place, reveal: Reveal,
        registration: StudyRecord, exponent: int,
    ) -> Contribution | None:  # fmt: skip
        """Return a revealed plain update, checked once, or None where it is not to be had.

        Args:
            blobs: where to fetch it.
            at: study, round, attempt and author.
            reveal: what its author said of it.
            registration: the study's.
            exponent: the round's.

        Raises:
            FormatError: it is not what its author claimed of it.
        """
        known = self._checked.get(at)
        if known is not None and known[:2] == (reveal, exponent):
            return known[2]
        name = update_of(reveal)
        data = blobs.fetch(blob_of(reveal))
        if data is not None and isinstance(reveal.sealed, str):
            data = unseal(data, Context(self.identity.genesis, *at, name), self.key_of)
        if data is None:
            return None
        found = checked_reading(
            name, self.readings.of(name, data), sent_of(registration), exponent, reveal.peak,
            reveal.saturated,
        )  # fmt: skip
        if 2 * sent_of(registration) * registration.per_round <= KEPT_BYTES:
            self._checked[at] = reveal, exponent, found
        return found

    def _model(self, blobs: Blobs, name: bytes) -> ModelState | None:
        """Return a model; the one that this validator made last need not be read again.

        Raises:
            FormatError: the blob is no model.
        """
        if self._made is not None and self._made[0] == name:
            return self._made[1]
        data = blobs.fetch(name)
        return None if data is None else decode_model(data)
