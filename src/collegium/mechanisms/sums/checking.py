"""Recomputing sums of statistics from hidden counts, as every validator does."""

from __future__ import annotations

from collegium.audit.findings import Finding, SecureSumOutcome, Severity, of_error
from collegium.audit.gathering import frozen
from collegium.audit.recompute import why_none
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import AttemptRecord, StudyHistory
from collegium.audit.subjects import AboutRound, AboutStudy, Subject, Value
from collegium.canonical import from_text
from collegium.errors import CollegiumError
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.evaluation.summed import decode_sum, error_of_auc, measures
from collegium.ledger.contract.results import Failure, SumResult
from collegium.ledger.contract.series import step_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.dealing.checking import refused_sum
from collegium.resolving.blobs import StoredBlobs
from collegium.resolving.plan import Plan
from collegium.resolving.resolve import resolve
from collegium.study.document import Study


def check_sums(
    study_history: StudyHistory, study: Study, evidence: StoredBlobs
) -> tuple[int, list[SecureSumOutcome], list[Finding]]:
    """Recompute every sum of statistics: how many were, what they tell, and what does not hold."""
    recomputed = 0
    told: list[SecureSumOutcome] = []
    findings: list[Finding] = []
    for attempt in study_history.sums.values():
        where, closed = AboutRound(attempt.opened.study, attempt.opened.round), attempt.summed
        found = _recomputed(study_history, study, attempt, evidence, where)
        if closed is not None:
            right = isinstance(found, SumResult) and found.total == closed.total
            recomputed += right
            summed, unsound = _of_closed(study_history, attempt, closed.total, evidence, where)
            told += summed
            findings += unsound
            if isinstance(found, SumResult) and not right:
                findings.append(Finding("sum.total", "error", where))
        elif isinstance(found, SumResult):
            wrong = sorted(name for name, vote in attempt.votes.items() if vote != found)
            if wrong:
                told_of: dict[str, Value] = {"case": "sum", "members": tuple(wrong)}
                findings.append(Finding("validator.wrong", "fault", where, told_of))
        if isinstance(found, Finding):
            findings.append(found)
    if study_history.given_up is not None:
        given_up = AboutStudy(study_history.given_up.study)
        reason: dict[str, Value] = {"reason": study_history.given_up.reason}
        findings.append(Finding("sum.given-up", "fault", given_up, reason))
    return recomputed, told, findings


def _recomputed(
    study_history: StudyHistory,
    study: Study,
    record: AttemptRecord,
    evidence: StoredBlobs,
    where: Subject,
) -> SumResult | Finding | None:
    """Return the sum, a finding where there is none, None where nothing is to be."""
    if not record.included or "vote" not in record.phases:
        return None
    attempt = frozen(study_history, record)
    resolved = resolve(attempt, evidence, Plan(study, attempt.terms))
    if isinstance(resolved.result, SumResult):
        return resolved.result
    if resolved.error is not None:
        wrong: dict[str, Value] = {"case": "error", **of_error(resolved.error)}
        return Finding("sum.refused", "error", where, wrong)
    if resolved.result is None:
        return why_none(resolved, where)
    votes = record.votes.values()
    agreed = record.summed is None and all(isinstance(one, Failure) for one in votes)
    severity: Severity = "note" if agreed else "error"
    refused: dict[str, Value] = {
        "case": "refused", "refused": (refused_sum(0, resolved.refused[0]),)
    }  # fmt: skip
    return Finding("sum.refused", severity, where, refused)


def _of_closed(
    study_history: StudyHistory,
    attempt: AttemptRecord,
    total: str,
    evidence: StoredBlobs,
    where: Subject,
) -> tuple[list[SecureSumOutcome], list[Finding]]:
    """Return what a closed sum tells, if its blob can be read, and what does not hold of that.

    The blob may be missing, or speak of other rows than the sites sign.
    """
    data = evidence.fetch(from_text(total, DIGEST_SIZE))
    if data is None:
        return [], [Finding("blob.missing", "error", where, {"case": "sum"})]
    if step_of(attempt.opened.round) is not None:
        return [], []
    try:
        found = decode_sum(data)
    except CollegiumError:
        return [], []
    summed = SecureSumOutcome(
        study=attempt.opened.study, sites=attempt.included, rows=found.rows,
        withheld=found.withheld, measures=measures(found), auc_error=error_of_auc(found),
    )  # fmt: skip
    return [summed], _other_rows(study_history, attempt, found.rows, evidence, where)


def _other_rows(
    study_history: StudyHistory,
    attempt: AttemptRecord,
    rows: int,
    evidence: StoredBlobs,
    where: Subject,
) -> list[Finding]:
    """Return the finding that sites sign other rows than are in the sum, if they do."""
    try:
        posted = {
            name: from_text(study_history.statements[name].federated, DIGEST_SIZE)
            for name in attempt.included
            if name in study_history.statements
        }
        signed = [decode_statement(data).rows for data in evidence.named(posted).values()]
    except CollegiumError:
        return []
    if len(signed) != len(attempt.included) or sum(signed) == rows:
        return []
    return [Finding("sum.rows", "fault", where, {"signed": sum(signed), "summed": rows})]


def _checks(audited: Audited) -> Checked:
    if audited.study is None:
        return Checked([])
    recomputed, summed, findings = check_sums(audited.history, audited.study, audited.evidence)
    counts = {"sums": recomputed} if audited.history.sums else {}
    return Checked(findings, counts, {"sums": tuple(summed)})


CHECKING = Checking(counted={"sums": "secure sums over test rows, computed again"}, checks=_checks)
