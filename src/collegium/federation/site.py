"""A site: it accepts a study, trains, commits, reveals, and evaluates what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec
import numpy as np

from collegium.canonical import from_text, to_text
from collegium.data.table import SiteRows, Task
from collegium.errors import FormatError, RunError
from collegium.federation.beginning import KnownBeginning
from collegium.federation.commit_reveal import commit_to, reveal_of
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.local_trainers import Float32, LocalWork
from collegium.federation.local_updates import (
    ClientState,
    HonestUpdateAuthor,
    UpdateAuthor,
    assignment_of,
)
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.sending import Sending, Sent, hidden
from collegium.federation.site_evaluation import (
    noised_statement_bytes,
    statement_bytes,
    test_counts,
)
from collegium.federation.snapshot import accepts_with, snapshot
from collegium.federation.speaking import Speaker, back_again, said_by_sites, said_in_phase
from collegium.federation.stages import InAttempt, InRound, Stages, weighted
from collegium.federation.summed_starts import SummedStarts, rows_told
from collegium.federation.view import StudyView
from collegium.learning.algorithms.layout import model_part, study_tensors
from collegium.learning.algorithms.local_round import model_in_use
from collegium.learning.blobs import ModelState, digest, encode_model
from collegium.learning.encoding import registered_weight
from collegium.learning.evaluation.tally import layout_of
from collegium.learning.first_model import Verdict
from collegium.learning.models import initial_parameters, tensors
from collegium.ledger.contract.series import EVALUATION
from collegium.ledger.contract.silence import SITES, Silence
from collegium.ledger.contract.transactions import EvaluationPost, StudyAccept
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.registering import differing_terms
from collegium.mechanisms.dealing.speaking import Dealer
from collegium.mechanisms.privacy.site import site_privacy
from collegium.mechanisms.sums.rules import evaluates_by_sum
from collegium.mechanisms.sums.speaking import Counting
from collegium.resolving.attempt import blob_of
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import SecureSum
from collegium.study.canonical import document_bytes
from collegium.study.design import Facts


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What a site is made of: its rows, the parts that its study names, and its own habits.

    `secure_sum` is the protocol in whose other phases it takes part, if any. `keep_model` is told
    of a model that is the site's own, float32 [d], for its use. `repeats` is what it does where a
    sum from a start is asked for, and one over other members was opened before.
    """

    task: Task
    train: SiteRows
    test: SiteRows
    code: bytes
    stages: Stages
    keep_model: Callable[[Float32], None] | None = None
    secure_sum: SecureSum | None = None
    repeats: Literal["refuse", "warn"] = "refuse"


class Site:
    """A member that holds rows; it satisfies `Participant`.

    It abstains from a round in which it has nothing to send; `troubles` says why, by round.
    `clipped` says of how many coordinates of its update a round had too little room, by round.
    Its updates are made by its `author`.
    """

    def __init__(
        self,
        identity: Identity,
        blobs: Blobs,
        outbox: WriteOnce,
        trainers: LocalWork,
        parts: SiteParts,
    ) -> None:
        self.member = identity.member
        self.name = f"{identity.member} (site)"
        self.troubles: dict[int, str] = {}
        self.clipped: dict[int, int] = {}
        self.blobs = blobs
        self.author: UpdateAuthor = HonestUpdateAuthor(
            identity.member, trainers, outbox, identity.genesis
        )
        self._identity = identity
        self._cohort = trainers
        self._parts = parts
        masks = parts.secure_sum
        self._summed = None if masks is None else SummedStarts(
            outbox, identity.genesis, self.member, rows_told(parts.train), self._model
        )  # fmt: skip
        self._dealer = None if masks is None else Dealer(identity, outbox, masks, self._may_open)
        self._counting = Counting(identity, outbox)
        self._outbox, self._sending, self._says = outbox, Sending(outbox), said_by_sites()
        self._document = document_bytes(trainers.study)
        self._first = KnownBeginning(
            trainers.study, lambda: initial_parameters(trainers.spec, trainers.study.study.seed)
        )
        self._privacy = site_privacy(trainers.study, identity)
        self._carried = ClientState(outbox, identity.genesis, trainers.study.study.id)
        self._tensors = study_tensors(trainers.spec, trainers.study)

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from this site."""
        member = self.member
        if member in view.unaccepted:  # in open rounds too: latecomers join the next one
            return self._accept(view)
        if (silence := view.silences.get((SITES, member))) is not None:
            return self._back(view, silence)
        if view.round is not None and member not in view.participants:
            return []
        if view.is_summing:  # who sets up counts the table, before the first round
            counts, mine = partial(self._counts, view), view.number == EVALUATION
            return self._counting.due(view, self.blobs, counts, idle=idle) if mine else []
        if member in view.reveals:
            self._serve_again(view)
        if self._dealer is not None and view.round is not None:
            self._dealer.serve_again(view, self.blobs)
            if dealt := self._dealer.due(view, self.blobs):
                return dealt
        match view.phase:
            case "commit" if not view.has_spoken("commits", member):
                return self._commit(view, idle=idle)
            case "reveal" if member not in view.reveals and view.has_spoken("commits", member):
                return self._reveal(view)
            case "evaluation" if view.acceptance(member) and view.evaluation(member) is None:
                return self._evaluate(view)
        speaker = Speaker(
            self._identity, self._cohort.study, self.blobs, self._outbox, not idle
        )  # fmt: skip
        return said_in_phase(speaker, view, self._says)

    def _accept(self, view: StudyView) -> list[bytes]:
        """Accept the study if it is the one this site was given, over the code it runs.

        What is registered beside the document must be what the document says.
        """
        registration, parts = view.registration, self._parts
        if registration is None or registration.document != to_text(digest(self._document)):
            return []
        terms = {**msgspec.structs.asdict(registration), "study": view.study}
        sites, study = len(registration.sites), self._cohort.study
        if differing_terms(study, sites, terms, Facts(layout_of(parts.task))):
            return []
        if self._model(from_text(registration.initial, DIGEST_SIZE)) is None:
            return []
        if self._beginning(view, begun=False) != "documented":
            return []
        found = snapshot(self._identity, view.study, (parts.train, parts.test))
        if not accepts_with(self._outbox, self._identity.genesis, view.study, found):
            return []
        weighed = study.aggregation.weights == "rows"
        transaction = self._identity.sign(
            StudyAccept, study=view.study, code=to_text(parts.code),
            document=registration.document,
            snapshot=to_text(found),
            weight=registered_weight(self._size()) if weighed else 1,
        )  # fmt: skip
        return [transaction]

    def _back(self, view: StudyView, silence: Silence) -> list[bytes]:
        """Say that the site is there, unless it would send nothing however long one waits."""
        strange = view.is_training and self._beginning(view, begun=True) == "other"
        return [] if strange else back_again(self._identity, view, [silence])

    def _beginning(self, view: StudyView, *, begun: bool) -> Verdict | None:
        """Return whether the registered first model is the document's; None until it is here."""
        if view.registration is None:
            return None
        return self._first.of(view.registration, self.blobs.fetch, begun=begun)

    def _size(self) -> int:
        """Return what the weight is made of: training rows, or units with noise."""
        rows = self._parts.train
        return len(rows.y) if self._privacy is None else self._privacy.size(rows)

    def _commit(self, view: StudyView, *, idle: bool) -> list[bytes]:
        if self._dealer is not None and not self._dealer.may_commit(view, self.blobs):
            return []
        if self._repeats(view):
            return []
        key = self._key(view)
        if (sent := self._sending.kept(key)) is None:
            if self._parts.stages.charges and view.has_committed_before(self._identity.member):
                self.troubles[view.number] = (
                    "the update of an earlier attempt is lost, and another one would cost more"
                    " privacy than the round was charged for; restore the outbox from its backup"
                )
                return []
            model = self._model(view.model)
            if model is None or view.round is None:
                return []
            beginning = self._beginning(view, begun=True)
            if beginning is None:
                return []
            if beginning != "documented":
                self.troubles[view.number] = (
                    "the study began with another model than its document says, and who chooses a"
                    " first model can make updates show rows: this site sends none"
                )
                return []
            work = assignment_of(view, view.round, model, self.blobs, self._model)
            try:
                update = self.author.update(work)
            except RunError as error:
                self.troubles[view.number] = f"{error.why}; {error.todo}"
                return []
            values = self._parts.stages.to_keep(update, InRound(work, self._identity))
            sent = self._sending.keep(key, values, view.round.exponent)
        if view.room and (cut_off := _cut_off(sent, view)):
            self.clipped[view.number] = cut_off
        if self._dealer is None:
            return [commit_to(self._identity, view, sent.name)]
        sound = self._dealer.sound_deals(view, self.blobs, patient=not idle)
        if sound is None:
            return []
        hidden = self._parts.stages.to_commit(sent.blob, self._leaving(view))
        point = self._dealer.point(view, weighted(sent.blob, view, self._identity.member))
        return [commit_to(self._identity, view, digest(hidden), sound, point)]

    def _repeats(self, view: StudyView) -> bool:
        """Return whether the site stays out: a sum from this start is known over other members."""
        known = None if self._summed is None else self._summed.differs(view)
        if known is None:
            return False
        refuses = self._parts.repeats == "refuse"
        done = "nothing is sent" if refuses else "sent all the same, as repeated_starts says"
        self.troubles[view.number] = (
            f"{done}: a sum of updates from this model was opened over {known.told}, and one over"
            " others would show single updates"
        )
        return refuses

    def _may_open(self, view: StudyView) -> bool:
        """Return whether the site helps to open the open round's sum, which it then remembers."""
        return self._summed is None or self._summed.enters(view) or not self._repeats(view)

    def _reveal(self, view: StudyView) -> list[bytes]:
        """Reveal what the outbox holds; whoever lost its outbox after committing abstains."""
        if (sent := self._sent(view)) is None:
            return []
        published, name = self._published(view, sent)
        self.blobs.publish(published, sync=False, name=name)
        return [
            reveal_of(
                self._identity, view, sent.name, peak=sent.peak,
                saturated=_cut_off(sent, view),
                sealed=None if name == sent.name else name,
            )
        ]  # fmt: skip

    def _leaving(self, view: StudyView) -> InAttempt:
        return InAttempt(view, self._identity, self._outbox)

    def _published(self, view: StudyView, sent: Sent) -> tuple[bytes, bytes]:
        """Return what others get of the open attempt's update, and its digest."""
        blob = self._parts.stages.to_publish(sent.blob, self._leaving(view))
        return blob, sent.name if blob is sent.blob else digest(blob)

    def _key(self, view: StudyView) -> OutboxKey:
        """Return where the outbox keeps the update, which serves all attempts at its round."""
        return OutboxKey(self._identity.genesis, "update", view.study, view.number)

    def _sent(self, view: StudyView) -> Sent | None:
        """Return what the site committed to in the open attempt, if its outbox still has it."""
        if self._dealer is None:
            return self._sending.kept(self._key(view))
        masked = self._dealer.sent(view)
        return None if masked is None else hidden(masked)

    def _serve_again(self, view: StudyView) -> None:
        """Publish a revealed update once more where its blob is gone or damaged."""
        name = blob_of(view.reveals[self._identity.member])
        if self.blobs.fetch(name) is None:
            sent = self._sent(view)
            published, own = (b"", b"") if sent is None else self._published(view, sent)
            if own == name:
                self.blobs.publish(published, sync=False, name=name)

    def _evaluate(self, view: StudyView) -> list[bytes]:
        """Sign what the site has stated, which is on its disk before anything of it is sent.

        Whatever becomes of its rows, it states once in a study: two statements would be compared.
        """
        key = OutboxKey(self._identity.genesis, "statements", view.study)
        kept = self._outbox.get(key)
        if kept is None:
            made = self._statements(view)
            if made is None:
                return []
            kept = self._outbox.put(key, msgspec.json.encode((view.model, made)))
        model, statements = msgspec.json.decode(kept, type=tuple[bytes, dict[str, bytes]])
        if model != view.model:
            self.troubles[view.number] = (
                "a statement about another model of this study is bound, and a site states once;"
                " compare the ledger with what other members hold"
            )
            return []
        return [self._posted(view, statements)]

    def _statements(self, view: StudyView) -> dict[str, bytes] | None:
        """Open the test part, once, and say what the final and the own model achieve on it."""
        model = self._model(view.model)
        if model is None:
            return None
        work, parts = self._cohort, self._parts
        about = (work, parts.task, parts.test)
        if self._privacy is not None:
            data = noised_statement_bytes(*about, self._privacy, model.parameters, view.model)
            return {"federated": data}
        used = self.model_in_use(view, model.parameters)
        if work.study.personalization is not None and parts.keep_model is not None:
            parts.keep_model(used)
        hides = view.registration is not None and evaluates_by_sum(view.registration)
        statements = {
            "federated": statement_bytes(*about, used, view.model, "federated", hides=hides)
        }
        alone = work.alone(self.member, view.trials.final)
        if np.isfinite(alone).all():  # a model whose training diverged has no quality
            own = digest(encode_model(ModelState(tensors(work.spec), alone, "alone@1", 0, ())))
            statements["local"] = statement_bytes(*about, alone, own, "local", hides=hides)
        return statements

    def _counts(self, view: StudyView) -> RingVector | None:
        """Open the test part, once, and return what is counted of it as it enters the sum."""
        model = self._model(view.model)
        if model is None:
            return None
        used = self.model_in_use(view, model.parameters)
        return test_counts(self._cohort, self._parts.test, used)

    def _posted(self, view: StudyView, statements: dict[str, bytes]) -> bytes:
        posted = {kind: to_text(self.blobs.publish(data)) for kind, data in statements.items()}
        return self._identity.sign(
            EvaluationPost, study=view.study, model=to_text(view.model), **posted
        )

    def model_in_use(self, view: StudyView, vector: Float32) -> Float32:
        """Return the model that the site uses once a study's vector is final, float32 [d].

        It goes with what the site had kept by then.
        """
        trainers = self._cohort
        kept = self._carried.by_kind(trainers.study, view.trials.started_from_it)
        last = model_part(trainers.spec, vector), view.trials.final
        return model_in_use(
            trainers.study, trainers.spec, vector, kept, lambda: trainers.tuned(self.member, *last)
        )

    def _model(self, name: bytes) -> ModelState | None:
        """Return a model if it can be had and has the registered architecture, else None.

        A model of another shape is how most attacks on private updates begin: it is refused.
        """
        data = self.blobs.fetch(name)
        if data is None:
            return None
        try:
            model = self._cohort.model(name, data)
        except FormatError:
            return None
        return model if model.tensors == self._tensors else None


def _cut_off(sent: Sent, view: StudyView) -> int:
    """Return of how many coordinates of an update the open round has too little room."""
    return sent.at_the_end if sent.shift == view.room else 0
