"""Recomputing a study's rounds from the recorded updates, and checking what blobs say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from collegium.audit.blobs import Fetch
from collegium.audit.findings import Finding, Level, of_error
from collegium.audit.gathering import frozen
from collegium.audit.seam import every_checking
from collegium.audit.studies import AttemptRecord, StudyHistory
from collegium.audit.subjects import (
    AboutAttempt,
    AboutEntry,
    AboutRound,
    Subject,
    Value,
)
from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.learning.evaluation.statement import decode_statement
from collegium.ledger.contract.declared import part_of, parts_type
from collegium.ledger.contract.results import Failure, ModelResult
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.dealing.checking import refused_sum
from collegium.resolving.blobs import StoredBlobs
from collegium.resolving.plan import Plan
from collegium.resolving.resolve import resolve
from collegium.resolving.resolved import Absence, Resolved
from collegium.secrecy.secure_sum import SumFailure
from collegium.study.document import Study

_LEVELS: dict[str, Level] = {
    "recomputed": "recomputed",
    "given_scores": "recomputed_given_scores",
    "attested": "attested",
}


def recompute_rounds(
    study_history: StudyHistory, study: Study, evidence: StoredBlobs
) -> tuple[dict[Level, int], list[Finding]]:
    """Recompute every closed round; return how many reached which level, and what does not hold.

    An attempt that failed for want of a quorum is recomputed too: that tells who voted wrongly.
    """
    levels: dict[Level, int] = {}
    findings: list[Finding] = []
    for attempt in study_history.attempts.values():
        if attempt.closed is not None:
            level, found = _closed_round(study_history, study, attempt, evidence)
            findings += found
            if level is not None:
                levels[level] = levels.get(level, 0) + 1
        elif attempt.included:
            findings += _failed_attempt(study_history, study, attempt, evidence)
    return levels, _summed_up(findings)


def _summed_up(findings: list[Finding]) -> list[Finding]:
    """Return findings with those about sealed updates, which every round may have, as one."""
    sealed = [one for one in findings if one.code == "update.sealed"]
    if len(sealed) < 2:
        return findings
    told = {**sealed[0].parameters, "more": len(sealed) - 1}
    one = msgspec.structs.replace(sealed[0], parameters=told)
    return [one, *(other for other in findings if other.code != "update.sealed")]


def _closed_round(
    study_history: StudyHistory, study: Study, record: AttemptRecord, evidence: StoredBlobs
) -> tuple[Level | None, list[Finding]]:
    where, voted = AboutRound(record.opened.study, record.opened.round), record.voted
    if not isinstance(voted, ModelResult):
        raise LookupError(where.round)
    name = from_text(voted.model, DIGEST_SIZE)
    if evidence.fetch(name) is None:
        return None, [Finding("blob.missing", "error", where, {"case": "model"})]
    plan = Plan(study, study_history.terms)
    resolved = resolve(frozen(study_history, record), evidence, plan)
    if not isinstance(resolved.result, ModelResult) or resolved.model is None:
        found = why_none(resolved, where)
        lenient = found is None or found.severity == "note"
        return "certified_by_votes" if lenient else None, [] if found is None else [found]
    if (wrong := _difference(resolved.result, voted, where)) is not None:
        return None, [wrong]
    evidence.remember(name, resolved.model)
    return _LEVELS[plan.rule.kind], []


def _difference(found: ModelResult, voted: ModelResult, where: Subject) -> Finding | None:
    """Return in what a recomputed result is another one than was voted."""
    if found.model != voted.model:
        return Finding("round.model", "error", where, {"case": "model"})
    for one in every_checking():
        for kind, differs in one.differs.items():
            if part_of(found.parts, kind) != part_of(voted.parts, kind):
                return differs(where)
    for name in parts_type("result").__struct_fields__:
        if getattr(found.parts, name, None) != getattr(voted.parts, name, None):
            return Finding("round.model", "error", where, {"case": "part", "module": name})
    return None


def _failed_attempt(
    study_history: StudyHistory, study: Study, record: AttemptRecord, evidence: StoredBlobs
) -> Iterator[Finding]:
    """Say who voted wrongly where no quorum came about, or that the updates lead to no model.

    The latter is no fault of the evidence where every vote says the same.
    """
    opened = record.opened
    where = AboutAttempt(opened.study, opened.round, opened.attempt)
    resolved = resolve(frozen(study_history, record), evidence, Plan(study, study_history.terms))
    right = resolved.result
    if isinstance(right, ModelResult):
        wrong = tuple(
            name
            for name, vote in record.votes.items()
            if not isinstance(vote, ModelResult) or vote.model != right.model
        )
        if wrong:
            yield Finding("validator.wrong", "fault", where, {"case": "model", "members": wrong})
    elif (found := why_none(resolved, where)) is not None:
        agreed = all(isinstance(vote, Failure) for vote in record.votes.values())
        expected = found.code == "round.updates" and agreed
        yield msgspec.structs.replace(found, severity="note") if expected else found


def why_none(resolved: Resolved, where: Subject) -> Finding | None:
    """Return why an attempt comes to no model or sum.

    None where the updates are rightly gone: the votes stand, and nothing is wrong.
    """
    for lacking, case in (("model", "model-before"), ("agreement", "agreement-before")):
        if lacking in resolved.absent:
            return Finding("blob.missing", "error", where, {"case": case})
    error = resolved.error
    if error is not None and error.code.startswith("plugin."):
        return Finding("rule.missing", "note", where, of_error(error))
    if error is not None:
        return Finding("round.updates", "error", where, {"case": "error", **of_error(error)})
    flawed = any(isinstance(why, SumFailure) for why in resolved.refused.values())
    if resolved.result is None or (flawed and resolved.absent):
        return _votes_stand(resolved.absent, where)
    refused = tuple(refused_sum(one, why) for one, why in resolved.refused.items())
    return Finding("round.updates", "error", where, {"case": "refused", "refused": refused})


def _votes_stand(absences: Sequence[Absence], where: Subject) -> Finding | None:
    """Return what is to be said of updates that are not to be had; None if they were retired."""
    missing, sealed = absences.count("missing"), absences.count("sealed")
    if missing:
        return Finding("blob.withheld", "note", where, {"count": missing})
    if sealed < len(absences):
        return None
    return Finding("update.sealed", "note", where, {"count": sealed})


def check_statements(study_history: StudyHistory, fetch: Fetch) -> tuple[int, list[Finding]]:
    """Check that each site's statements are there, well-formed and about the final model."""
    checked = 0
    findings = []
    for site, post in study_history.statements.items():
        where = AboutEntry(None, post.study, "evaluation.post", site)
        for kind, name in (("federated", post.federated), ("local", post.local)):
            if name is msgspec.UNSET:
                continue
            data = fetch(name)
            if data is None:
                absent: dict[str, Value] = {"case": "statement", "model": kind}
                findings.append(Finding("blob.missing", "error", where, absent))
                continue
            try:
                statement = decode_statement(data)
            except FormatError as error:
                findings.append(Finding("statement.malformed", "fault", where, of_error(error)))
                continue
            checked += 1
            if statement.kind != kind or (kind == "federated" and statement.model != post.model):
                findings.append(Finding("statement.mismatch", "fault", where, {"model": kind}))
    return checked, findings
