"""Recomputing sums of statistics from hidden counts, as every validator does."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from collegium.audit.evidence import Evidence
from collegium.audit.findings import Finding, Severity, Summed, of_error
from collegium.audit.recompute import votes_stand
from collegium.audit.statistics import agreed_before
from collegium.audit.studies import Attempt, Story
from collegium.audit.subjects import AboutRound, AboutStudy, Subject, Value
from collegium.audit.unmasking import hidden_of, refused_sum
from collegium.canonical import to_text
from collegium.errors import CollegiumError
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.evaluation.summed import decode_sum, error_of_auc, measures
from collegium.ledger.contract.summing import step_of
from collegium.secrecy.evaluated import evaluated
from collegium.secrecy.set_up import agreed_by_sum
from collegium.study.document import Study
from collegium.study.tables import smallest_of


def check_sums(
    story: Story, study: Study, evidence: Evidence
) -> tuple[int, list[Summed], list[Finding]]:
    """Recompute every sum of statistics: how many were, what they tell, and what does not hold."""
    recomputed = 0
    told: list[Summed] = []
    findings: list[Finding] = []
    for attempt in story.sums.values():
        where = AboutRound(attempt.opened.study, attempt.opened.round)
        found = _recomputed(story, study, attempt, evidence, where)
        if attempt.summed is not None:
            right = found == attempt.summed.total
            recomputed += right
            summed, unsound = _of_closed(story, attempt, attempt.summed.total, evidence, where)
            told += summed
            findings += unsound
            if isinstance(found, str) and not right:
                findings.append(Finding("sum.total", "error", where))
        elif isinstance(found, str):
            wrong = sorted(name for name, vote in attempt.votes.items() if vote.total != found)
            if wrong:
                told_of: dict[str, Value] = {"case": "sum", "members": tuple(wrong)}
                findings.append(Finding("validator.wrong", "fault", where, told_of))
        if isinstance(found, Finding):
            findings.append(found)
    if story.given_up is not None:
        given_up = AboutStudy(story.given_up.study)
        reason: dict[str, Value] = {"reason": story.given_up.reason}
        findings.append(Finding("sum.given-up", "fault", given_up, reason))
    return recomputed, told, findings


def _recomputed(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence, where: Subject
) -> str | Finding | None:
    """Return the digest of the sum, a finding where there is none, None where nothing is to be."""
    if not attempt.included or "vote" not in attempt.phases:
        return None
    try:
        hidden = hidden_of(story, study, attempt, evidence)
        if isinstance(hidden, list):
            return votes_stand(hidden, where)
        opened = attempt.opened
        sealed = hidden.by_group()[0]
        if step_of(opened.round) is None:
            found = evaluated(opened.design, sealed, opened.model)
        else:
            before = agreed_before(story, opened.round, evidence.fetch)
            if before is None:
                return Finding("blob.missing", "error", where, {"case": "agreement-before"})
            found = agreed_by_sum(opened.design, sealed, before, smallest_of(study))
    except CollegiumError as error:
        return Finding("sum.refused", "error", where, {"case": "error", **of_error(error)})
    if isinstance(found, bytes):
        return to_text(sha256(found).digest())
    agreed = attempt.summed is None and all(
        vote.total is msgspec.UNSET for vote in attempt.votes.values()
    )
    severity: Severity = "note" if agreed else "error"
    refused: dict[str, Value] = {"case": "refused", "refused": (refused_sum(0, found),)}
    return Finding("sum.refused", severity, where, refused)


def _of_closed(
    story: Story, attempt: Attempt, total: str, evidence: Evidence, where: Subject
) -> tuple[list[Summed], list[Finding]]:
    """Return what a closed sum tells, if its blob can be read, and what does not hold of that.

    The blob may be missing, or speak of other rows than the sites sign.
    """
    data = evidence.fetch(total)
    if data is None:
        return [], [Finding("blob.missing", "error", where, {"case": "sum"})]
    if step_of(attempt.opened.round) is not None:
        return [], []
    try:
        found = decode_sum(data)
    except CollegiumError:
        return [], []
    summed = Summed(
        study=attempt.opened.study, sites=attempt.included, rows=found.rows,
        withheld=found.withheld, measures=measures(found), auc_error=error_of_auc(found),
    )  # fmt: skip
    return [summed], _other_rows(story, attempt, found.rows, evidence, where)


def _other_rows(
    story: Story, attempt: Attempt, rows: int, evidence: Evidence, where: Subject
) -> list[Finding]:
    """Return the finding that sites sign other rows than are in the sum, if they do."""
    try:
        signed = [
            decode_statement(statement).rows
            for name in attempt.included
            if name in story.statements
            and (statement := evidence.fetch(story.statements[name].federated)) is not None
        ]
    except CollegiumError:
        return []
    if len(signed) != len(attempt.included) or sum(signed) == rows:
        return []
    return [Finding("sum.rows", "fault", where, {"signed": sum(signed), "summed": rows})]
