"""Whether a registered study can be one of this ledger at all, whatever a policy says."""

from __future__ import annotations

import msgspec

from collegium.errors import CollegiumError
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.registering import differing_terms
from collegium.study.checking import check_study
from collegium.study.document import Study
from collegium.visible import visible


def unacceptable_terms(
    study: Study, registration: StudyRecord, study_id: str, engine: str
) -> tuple[str, ...]:
    """Return every reason why a study must not be trained here, one line each.

    Args:
        study: the document.
        registration: what was registered of it.
        study_id: under which id.
        engine: by which the members of this ledger order.
    """
    asked = study.data.partition.sites
    if asked is not None and asked != len(registration.sites):
        return (f"it is for {asked} sites, and {len(registration.sites)} are registered",)
    found = simulated_only(study, engine)
    return found or _misregistered(study, registration, study_id)


def simulated_only(study: Study, engine: str) -> tuple[str, ...]:
    """Return what a study asks for that only a simulation has, and what this version lacks."""
    found = []
    if study.threat is not None:
        found.append("it has a [threat]: adversaries act in simulations only")
    for key, planted in (("dropout", study.faults.dropout), ("traps", study.faults.traps)):
        if planted:
            found.append(f"it has faults.{key}: faults are planted in simulations only")
    if study.consensus.engine != engine:
        found.append(f"it names the engine {study.consensus.engine!r}, and here it is {engine!r}")
    try:
        check_study(study)
    except CollegiumError as error:
        found.append(in_a_line(error))
    return tuple(found)


def _misregistered(study: Study, registration: StudyRecord, study_id: str) -> tuple[str, ...]:
    terms = {**msgspec.structs.asdict(registration), "study": study_id}
    differing = differing_terms(study, len(registration.sites), terms)
    return tuple(
        f"{name} is registered as {registered!r}, and the document says {said!r}"
        for name, (registered, said) in differing.items()
    )


def in_a_line(error: CollegiumError) -> str:
    """Return an error as one line for a log or a status page."""
    return visible(f"{error.what}: {error.why}; {error.todo} [{error.code}]")
