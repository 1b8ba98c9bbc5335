"""What a study was registered with, held against its document: every term follows from it."""

from __future__ import annotations

from math import ceil

from collegium.audit.findings import Finding
from collegium.audit.recompute import Fetch
from collegium.audit.studies import Story
from collegium.errors import FormatError, PluginError
from collegium.learning.blobs import decode_model
from collegium.ledger.contract.transactions import StudyRegister
from collegium.plugins import find
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
    for name, value in _terms(study, len(registration.sites)).items():
        registered = getattr(registration, name)
        if name in ("rule", "server"):
            registered = registered.partition("@")[0]
        if value is not None and registered != value:
            what = f"{name} is registered as {registered!r}, and the document says {value!r}"
            findings.append(Finding("study.registration", "error", what, where))
    findings += _first_model(registration, fetch)
    for site, acceptance in story.accepted.items():
        if acceptance.code != registration.code:
            what = f"{site} accepted the study over other code than the owner registered"
            findings.append(Finding("code.differs", "note", what, f"{study.study.id}, {site}"))
    return study, findings


def sites_per_round(study: Study, sites: int) -> int:
    """Return how many of a study's sites take part in a round."""
    return max(1, round(min(study.training.client_fraction, 1.0) * sites))


def fewest_sites(study: Study, sites: int) -> int:
    """Return how many updates a round needs."""
    drawn = sites_per_round(study, sites)
    if study.study.min_sites is not None:
        return min(study.study.min_sites, drawn)
    return drawn if study.study.attendance == "all" else ceil(2 * drawn / 3)


def _terms(study: Study, sites: int) -> dict[str, object]:
    """Return what a study's document says about each registered term; None where it cannot."""
    return {
        "attendance": study.study.attendance,
        "exponent": study.aggregation.exponent,
        "max_attempts": study.study.max_attempts,
        "min_sites": fewest_sites(study, sites),
        "per_round": sites_per_round(study, sites),
        "rounds": study.training.rounds,
        "rule": study.aggregation.rule,
        "seed": study.study.seed,
        "server": _server(study.aggregation.server.optimizer),
        "study": study.study.id,
        "weights": study.aggregation.weights,
    }


def _server(optimizer: str) -> str | None:
    """Return the name under which an optimizer is registered, without its version."""
    try:
        name: str = find("server_optimizers", optimizer).name
    except PluginError:
        return None
    return name.partition("@")[0]


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
