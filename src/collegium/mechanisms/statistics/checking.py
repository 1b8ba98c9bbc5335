"""Recomputing the set-up of a study of tables from what its sites said, as every validator does."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from collegium.audit.blobs import Fetch
from collegium.audit.findings import Finding, of_error
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import SetUpStep, StudyHistory
from collegium.audit.subjects import AboutEntry, AboutStep, AboutStudy, Subject, Value
from collegium.canonical import from_text, to_text
from collegium.data.table import exposure_input, input_names
from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.data.tabular.combining_statistics import conclusion
from collegium.data.tabular.described_columns import described_preparation
from collegium.data.tabular.preparation import input_schema
from collegium.errors import CollegiumError, FormatError
from collegium.learning.blobs import ModelState, decode_model
from collegium.ledger.contract.declared import part_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.sums.terms import SumTerms
from collegium.study.document import Study, TableSource
from collegium.study.tables import task_of
from collegium.study.terms import agrees_by_statistics


def check_set_up(
    study_history: StudyHistory, study: Study, fetch: Fetch
) -> tuple[int, list[Finding]]:
    """Recompute every step of set-up; return how many were, and what does not hold."""
    source = study.data.source
    if not isinstance(source, TableSource):
        return 0, []
    if not agrees_by_statistics(study):
        return 0, list(_described_inputs(study_history, study, fetch))
    recomputed, terms = 0, part_of(study_history.terms.terms, SumTerms)
    findings: list[Finding] = []
    before: str | None = None
    for number, step in study_history.steps.items():
        if number > 1 and isinstance(terms, SumTerms) and terms.statistics is not msgspec.UNSET:
            before = step.agreed.agreement if step.agreed is not None else before
            continue  # the sum is recomputed with the others
        where = AboutStep(study.study.id, number)
        found = _recomputed(study_history, study, source, step, before, fetch)
        findings += _about(step, found, where)
        if step.agreed is not None:
            recomputed += found == step.agreed.agreement
            before = step.agreed.agreement
    return recomputed, [*findings, *_first_model(study_history, fetch)]


def _recomputed(
    study_history: StudyHistory,
    study: Study,
    source: TableSource,
    step: SetUpStep,
    before: str | None,
    fetch: Fetch,
) -> str | Finding | None:
    """Return the digest of what follows from a step; a finding where it cannot be told.

    None where nothing follows: then a vote for something is wrong.
    """
    where = AboutStudy(study.study.id)  # its caller knows the step
    last = None if before is None else fetch(before)
    if before is not None and last is None:
        return Finding("blob.missing", "error", where, {"case": "agreement"})
    said = {name: fetch(step.posts[name].digest) for name in step.gathered}
    missing = [name for name, data in said.items() if data is None]
    try:
        fewest = study_history.registration.min_sites
        return to_text(sha256(conclusion(source, task_of(study), last, said, fewest)).digest())
    except CollegiumError:
        if missing:
            absent: dict[str, Value] = {"case": "statistics", "members": tuple(missing)}
            return Finding("blob.missing", "error", where, absent)
        return None


def _about(step: SetUpStep, found: str | Finding | None, where: Subject) -> Iterator[Finding]:
    if isinstance(found, Finding):
        yield msgspec.structs.replace(found, subject=where)
        return
    agreed = None if step.agreed is None else step.agreed.agreement
    if agreed is not None and found != agreed:
        yield Finding("statistics.agreement", "error", where)
    right = agreed or found
    wrong = sorted({
        name for (_, name), vote in step.votes.items()
        if vote.agreement != right and not (right is None and vote.fail is not msgspec.UNSET)
    })  # fmt: skip
    if wrong and step.gathered:
        yield Finding("validator.statistics", "fault", where, {"members": tuple(wrong)})
    if step.undecided:
        yield Finding("statistics.undecided", "note", where, {"count": len(step.undecided)})


def _described_inputs(study_history: StudyHistory, study: Study, fetch: Fetch) -> Iterator[Finding]:
    """Yield whether the registered model has other inputs than the document describes."""
    registration = study_history.registration
    where = AboutEntry(study=registration.study, transaction="study.register")
    model = fetch(registration.model)
    try:
        described = described_preparation(study)
        if described is None or model is None:
            return  # said elsewhere
        said = (registration.parameters, registration.server)
        yield from _other_inputs(decode_model(model), described, said, where)
    except CollegiumError as error:
        yield Finding("study.malformed", "error", where, of_error(error))


def _first_model(study_history: StudyHistory, fetch: Fetch) -> list[Finding]:
    """Check that the first model has the inputs that were agreed, and the size that was said."""
    begun = study_history.begun
    if begun is None:
        return []
    where = AboutEntry(study=begun.study, transaction="study.begin")
    model, agreement = fetch(begun.model), fetch(begun.agreement)
    if model is None or agreement is None:
        return [Finding("blob.missing", "error", where, {"case": "first-model"})]
    try:
        state, agreed = decode_model(model), decode_agreed(agreement)
    except FormatError as error:
        return [Finding("model.malformed", "error", where, of_error(error))]
    server = study_history.registration.server
    return list(_other_inputs(state, agreed, (begun.parameters, server), where))


def _other_inputs(
    state: ModelState, agreement: AgreedPreparation, said: tuple[int, str], where: Subject
) -> Iterator[Finding]:
    """Yield whether a model has other inputs than were agreed, or is not as it was said to be."""
    schema = input_schema(agreement)
    inputs = len(input_names(schema)) - (exposure_input(schema) is not None)
    widths = [one.shape[0] for one in state.tensors if one.name == "layer0.weight"]
    found = (state.parameters.size, state.optimizer)
    if found != said or widths not in ([], [inputs]):
        told: dict[str, Value] = {
            "case": "inputs", "parameters": found[0], "optimizer": found[1],
            "inputs": tuple(widths),
        }  # fmt: skip
        yield Finding("study.registration", "error", where, told)


def _checks(audited: Audited) -> Checked:
    if audited.study is None:
        return Checked([])

    def fetch(name: str) -> bytes | None:
        return audited.evidence.fetch(from_text(name, DIGEST_SIZE))

    steps, findings = check_set_up(audited.history, audited.study, fetch)
    return Checked(findings, {"statistics": steps} if steps else {})


CHECKING = Checking(
    counted={"statistics": "steps of the sites' column statistics, added up again"},
    checks=_checks,
)
