"""The owner of a study: it registers the study and releases the model that came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState, decode_model, digest, encode_model
from collegium.ledger.contract.transactions import ModelRelease, StudyRegister
from collegium.ledger.registering import registered_terms
from collegium.mechanisms.statistics.terms import StudyBegin
from collegium.study.canonical import document_bytes
from collegium.study.design import Facts
from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class Registration:
    """What an owner registers besides the document: sites, versions, and the first model.

    `evaluation` is what is counted of test rows, if anything is.
    """

    code: bytes
    initial: ModelState
    rule: str
    server: str
    sites: tuple[str, ...]
    evaluation: str | None = None


@dataclass(frozen=True, slots=True)
class InitialModel:
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
        beginning: InitialModel | None = None,
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

    def _begin(self, view: StudyView, beginning: InitialModel) -> list[bytes]:
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
            **{
                **registered_terms(study, len(terms.sites), Facts(terms.evaluation)),
                "code": to_text(terms.code), "document": to_text(document),
                "model": to_text(model), "parameters": terms.initial.parameters.size,
                "rule": terms.rule, "server": terms.server, "sites": terms.sites,
            },
        )  # fmt: skip
