"""Recomputing sums of statistics from hidden counts, as every validator does."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from collegium.audit.evidence import Evidence
from collegium.audit.findings import Finding, Severity, Summed
from collegium.audit.recompute import votes_stand
from collegium.audit.statistics import agreed_before
from collegium.audit.studies import Attempt, Story
from collegium.audit.unmasking import hidden_of, whose_sum, why_refused
from collegium.canonical import to_text
from collegium.errors import CollegiumError
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.evaluation.summed import decode_sum, error_of_auc, measures
from collegium.ledger.contract.series import called, step_of
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
        where = f"{attempt.opened.study}, {called(attempt.opened.round)}"
        found = _recomputed(story, study, attempt, evidence, where)
        if attempt.summed is not None:
            right = found == attempt.summed.total
            recomputed += right
            summed, unsound = _of_closed(story, attempt, attempt.summed.total, evidence, where)
            told += summed
            findings += unsound
            if isinstance(found, str) and not right:
                what = "recomputing the sum of statistics gives another one than was voted"
                findings.append(Finding("sum.total", "error", what, where))
        elif isinstance(found, str):
            wrong = sorted(name for name, vote in attempt.votes.items() if vote.total != found)
            if wrong:
                what = f"{', '.join(wrong)} did not vote for the sum that recomputing gives"
                findings.append(Finding("validator.wrong", "fault", what, where))
        if isinstance(found, Finding):
            findings.append(found)
    if story.given_up is not None:
        what = f"the study went on without the sum over test rows ({story.given_up.reason})"
        findings.append(Finding("sum.given-up", "fault", what, story.given_up.study))
    return recomputed, told, findings


def _recomputed(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence, where: str
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
                what = "the agreement of set-up that it goes on from is missing"
                return Finding("blob.missing", "error", what, where)
            found = agreed_by_sum(opened.design, sealed, before, smallest_of(study))
    except CollegiumError as error:
        what = f"the sum cannot be recomputed: {error.what}: {error.why}"
        return Finding("sum.refused", "error", what, where)
    if isinstance(found, bytes):
        return to_text(sha256(found).digest())
    agreed = attempt.summed is None and all(
        vote.total is msgspec.UNSET for vote in attempt.votes.values()
    )
    severity: Severity = "note" if agreed else "error"
    return Finding("sum.refused", severity, f"{whose_sum(0)} {why_refused(found)}", where)


def _of_closed(
    story: Story, attempt: Attempt, total: str, evidence: Evidence, where: str
) -> tuple[list[Summed], list[Finding]]:
    """Return what a closed sum tells, if its blob can be read, and what does not hold of that.

    The blob may be missing, or speak of other rows than the sites sign.
    """
    data = evidence.fetch(total)
    if data is None:
        what = "what is told of the sum is missing"
        return [], [Finding("blob.missing", "error", what, where)]
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
    story: Story, attempt: Attempt, rows: int, evidence: Evidence, where: str
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
    what = (
        f"the sites sign {sum(signed)} test rows and the sum is over {rows}: one of them"
        " at least counted other rows"
    )
    return [Finding("sum.rows", "fault", what, where)]
