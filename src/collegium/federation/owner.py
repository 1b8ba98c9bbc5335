"""The owner of a study: it registers the study and releases the model that came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from collegium.canonical import to_text
from collegium.federation.exchange import Blobs
from collegium.federation.identity import Identity
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState, decode_model, digest, encode_model
from collegium.ledger.contract.transactions import ModelRelease, StudyBegin, StudyRegister
from collegium.study.canonical import document_bytes
from collegium.study.compression import kept_share
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms
from collegium.study.scored import score_terms
from collegium.study.searching import held_out, trials_of
from collegium.study.sum_terms import EvaluationLayout
from collegium.study.terms import fewest_groups, group_count, statistics_steps, sum_check, sum_terms


@dataclass(frozen=True, slots=True)
class Registration:
    """What an owner registers besides the document: sites, versions, and the first model.

    `threshold` is how many shares open a secret, 0 where none are shared; `degree` how many
    neighbours a participant masks with, where that are not all others; `evaluation` what is counted
    of test rows, if anything is.
    """

    code: bytes
    design: str
    initial: ModelState
    rule: str
    server: str
    sites: tuple[str, ...]
    per_round: int
    min_sites: int
    threshold: int = 0
    evaluation: EvaluationLayout | None = None
    degree: int | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """With which model a study of tables begins: over which agreement, by digest."""

    agreement: bytes
    model: ModelState


class Owner:
    """The member that owns a study; it satisfies `Participant`.

    `release` makes the bundle of the final model and returns its digest. `beginning` is what a
    study of tables begins with, as soon as it is known.
    """

    def __init__(
        self,
        identity: Identity,
        blobs: Blobs,
        study: Study,
        registration: Registration,
        release: Callable[[bytes, ModelState], bytes],
        beginning: Beginning | None = None,
    ) -> None:
        self.name = f"{identity.member} (owner)"
        self.blobs = blobs
        self._identity = identity
        self._study = study
        self._registration = registration
        self._release = release
        self._beginning = beginning
        self._looked_after = False

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from the owner."""
        if view.phase == "absent":
            return [self._register()]
        if not self._looked_after:
            self._look_after()
        if view.phase == "beginning" and self._beginning is not None:
            return self._begin(view, self._beginning)
        if view.phase == "release":
            data = self.blobs.fetch(view.model)
            if data is not None:
                bundle = self._release(view.model, decode_model(data))
                release = self._identity.sign(
                    ModelRelease,
                    study=view.study,
                    model=to_text(view.model),
                    bundle=to_text(bundle),
                )
                return [release]
        return []

    def _look_after(self) -> None:
        """Publish again what was registered, once, where it is gone or damaged."""
        models = [self._registration.initial]
        models += [] if self._beginning is None else [self._beginning.model]
        for data in (document_bytes(self._study), *map(encode_model, models)):
            if self.blobs.fetch(digest(data)) is None:
                self.blobs.publish(data)
        self._looked_after = True

    def _begin(self, view: StudyView, beginning: Beginning) -> list[bytes]:
        """Name the first model over the inputs that were agreed, if it is over those."""
        if view.set_up.agreement != beginning.agreement:
            return []
        model = self.blobs.publish(encode_model(beginning.model))
        return [
            self._identity.sign(
                StudyBegin, study=view.study, agreement=to_text(beginning.agreement),
                model=to_text(model), parameters=beginning.model.parameters.size,
            )
        ]  # fmt: skip

    def _register(self) -> bytes:
        study, terms = self._study, self._registration
        document = self.blobs.publish(document_bytes(study))
        model = self.blobs.publish(encode_model(terms.initial))
        return self._identity.sign(
            StudyRegister,
            study=study.study.id,
            attendance=study.study.attendance,
            code=to_text(terms.code),
            degree=terms.degree or msgspec.UNSET,
            design=terms.design,
            document=to_text(document),
            exponent=study.aggregation.exponent,
            fewest_groups=fewest_groups(study) or msgspec.UNSET,
            groups=group_count(study) or msgspec.UNSET,
            keep=kept_share(study),
            max_attempts=study.study.max_attempts,
            min_sites=terms.min_sites,
            model=to_text(model),
            parameters=terms.initial.parameters.size,
            patience=(
                msgspec.UNSET
                if study.training.early_stopping is None
                else study.training.early_stopping.patience
            ),
            participation=("cyclic" if study.training.participation == "cyclic" else msgspec.UNSET),
            per_round=terms.per_round,
            privacy=privacy_terms(study) or msgspec.UNSET,
            rounds=study.training.rounds,
            rule=terms.rule,
            scores=score_terms(study),
            seed=study.study.seed,
            selection=msgspec.UNSET if held_out(study) is None else "best",
            server=terms.server,
            sites=terms.sites,
            statistics=statistics_steps(study),
            sum_check=sum_check(study),
            sums=sum_terms(study, len(terms.sites), terms.evaluation),
            threshold=terms.threshold or msgspec.UNSET,
            trials=msgspec.UNSET if study.search is None else trials_of(study),
            weights=study.aggregation.weights,
        )
