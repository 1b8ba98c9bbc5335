"""What a study was registered with, held against its document: every term follows from it."""

from __future__ import annotations

import msgspec

from collegium.audit.blobs import Fetch
from collegium.audit.findings import Finding
from collegium.audit.studies import Story
from collegium.errors import FormatError
from collegium.learning.blobs import decode_model
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.registering import differing_terms
from collegium.study.canonical import study_from_document
from collegium.study.document import Study


def registered_study(story: Story, fetch: Fetch) -> tuple[Study | None, list[Finding]]:
    """Return a study's document, with findings where it is missing or was registered wrongly."""
    registration = story.registration
    where = f"{registration.study}, study.register"
    data = fetch(registration.document)
    if data is None:
        return None, [Finding("blob.missing", "error", "the study document is missing", where)]
    try:
        study = study_from_document(data)
    except FormatError as error:
        return None, [Finding("study.malformed", "error", f"{error.what}: {error.why}", where)]
    findings = []
    fields = msgspec.structs.asdict(registration)
    for name, (registered, documented) in differing_terms(
        study, len(registration.sites), fields
    ).items():
        what = f"{name} is registered as {registered!r}, and the document says {documented!r}"
        findings.append(Finding("study.registration", "error", what, where))
    findings += _first_model(registration, fetch)
    for site, acceptance in story.accepted.items():
        if acceptance.code != registration.code:
            what = f"{site} accepted the study over other code than the owner registered"
            findings.append(Finding("code.differs", "note", what, f"{study.study.id}, {site}"))
    return study, findings


def _first_model(registration: StudyRegister, fetch: Fetch) -> list[Finding]:
    """Check that the first model is there and has as many parameters as were registered."""
    where = f"{registration.study}, study.register"
    data = fetch(registration.model)
    if data is None:
        return [Finding("blob.missing", "error", "the first model is missing", where)]
    try:
        model = decode_model(data)
    except FormatError as error:
        return [Finding("model.malformed", "error", f"{error.what}: {error.why}", where)]
    found = (model.parameters.size, model.optimizer)
    if found != (registration.parameters, registration.server):
        what = f"the first model has {found[0]} parameters and the optimizer {found[1]}"
        return [Finding("study.registration", "error", what, where)]
    return []
