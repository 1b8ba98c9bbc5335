"""What a study was registered with, held against its document: every term follows from it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from collegium.audit.blobs import Fetch
from collegium.audit.findings import Finding, of_error
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutEntry, AboutMember, Value
from collegium.errors import CollegiumError, FormatError
from collegium.learning.aggregation.next_model import server_named
from collegium.learning.blobs import decode_model
from collegium.learning.first_model import first_model_is
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.registering import differing_terms
from collegium.study.bounds import check_bounds
from collegium.study.canonical import study_from_document
from collegium.study.document import Study
from collegium.study.refusal import Refusal
from collegium.study.terms import agrees_by_statistics


def registered_study(
    study_history: StudyHistory, fetch: Fetch
) -> tuple[Study | None, list[Finding]]:
    """Return a study's document, with findings where it is missing or was registered wrongly."""
    registration = study_history.registration
    where = AboutEntry(study=registration.study, transaction="study.register")
    data = fetch(registration.document)
    if data is None:
        return None, [Finding("blob.missing", "error", where, {"case": "document"})]
    try:
        study = study_from_document(data)
        check_bounds(study)
    except (FormatError, Refusal) as error:
        return None, [Finding("study.malformed", "error", where, of_error(error))]
    findings = []
    fields = msgspec.structs.asdict(registration)
    for name, (registered, documented) in differing_terms(
        study, len(registration.sites), fields
    ).items():
        told: dict[str, Value] = {
            "case": "term", "term": name, "registered": repr(registered),
            "documented": repr(documented),
        }  # fmt: skip
        findings.append(Finding("study.registration", "error", where, told))
    findings += _first_model(registration, fetch)
    findings += _beginning(study_history, study, fetch)
    for site, acceptance in study_history.accepted.items():
        if acceptance.code != registration.code:
            findings.append(Finding("code.differs", "note", AboutMember(site, study.study.id)))
    return study, findings


def _first_model(registration: StudyRegister, fetch: Fetch) -> list[Finding]:
    """Check that the first model is there and has as many parameters as were registered."""
    where = AboutEntry(study=registration.study, transaction="study.register")
    data = fetch(registration.model)
    if data is None:
        return [Finding("blob.missing", "error", where, {"case": "first-model"})]
    try:
        model = decode_model(data)
    except FormatError as error:
        return [Finding("model.malformed", "error", where, of_error(error))]
    found = (model.parameters.size, model.optimizer)
    if found != (registration.parameters, registration.server):
        size: dict[str, Value] = {"case": "size", "parameters": found[0], "optimizer": found[1]}
        return [Finding("study.registration", "error", where, size)]
    return []


def _beginning(study_history: StudyHistory, study: Study, fetch: Fetch) -> Iterator[Finding]:
    """Yield whether the study began with another model than its document says.

    Whoever chooses a model chooses what updates show, so the owner is named.
    """
    registration, begun = study_history.registration, study_history.begun
    models = {registration.model: begun is None and not agrees_by_statistics(study)}
    if begun is not None:
        models[begun.model] = True
    for name, is_begun in models.items():
        data = fetch(name)
        try:
            if data is None:
                continue
            model, optimizer = decode_model(data), server_named(registration.server)
        except CollegiumError:
            continue  # said elsewhere
        verdict = first_model_is(study, optimizer, model, begun=is_begun)
        owner = AboutMember(study_history.terms.owner, study.study.id)
        if verdict == "other":
            yield Finding("study.first-model", "fault", owner, {"case": "other"})
        elif verdict == "unknown":
            yield Finding("study.first-model", "note", owner, {"case": "own"})
