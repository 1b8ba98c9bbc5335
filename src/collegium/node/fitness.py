"""Whether a registered study can be one of this ledger at all, whatever a policy says."""

from __future__ import annotations

import msgspec

from collegium.errors import CollegiumError
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.registering import differing_terms
from collegium.study.checking import check_study
from collegium.study.document import Study

ENGINE = "log"
"""What a study of this kind of consortium names as its engine."""


def unfit(study: Study, registration: StudyRecord, study_id: str) -> tuple[str, ...]:
    """Return every reason why a study must not be trained here, one line each."""
    return (*simulated_only(study), *_misregistered(study, registration, study_id))


def simulated_only(study: Study) -> tuple[str, ...]:
    """Return what a study asks for that only a simulation has, and what this version lacks."""
    found = []
    if study.threat is not None:
        found.append("it has a [threat]: adversaries act in simulations only")
    for key, planted in (("dropout", study.faults.dropout), ("traps", study.faults.traps)):
        if planted:
            found.append(f"it has faults.{key}: faults are planted in simulations only")
    if study.consensus.engine != ENGINE:
        found.append(f"it names the engine {study.consensus.engine!r}, and here it is {ENGINE!r}")
    try:
        check_study(study)
    except CollegiumError as error:
        found.append(in_a_line(error))
    return tuple(found)


def _misregistered(study: Study, registration: StudyRecord, study_id: str) -> list[str]:
    terms = {**msgspec.structs.asdict(registration), "study": study_id}
    differing = differing_terms(study, len(registration.sites), terms)
    return [
        f"{name} is registered as {registered!r}, and the document says {said!r}"
        for name, (registered, said) in differing.items()
    ]


def in_a_line(error: CollegiumError) -> str:
    """Return an error as one line for a log or a status page."""
    return f"{error.what}: {error.why}; {error.todo} [{error.code}]"
