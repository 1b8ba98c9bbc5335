"""Recomputing a study's rounds from the recorded updates, and checking what blobs say."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec

from collegium.audit.findings import Finding, Level
from collegium.audit.studies import Attempt, Story
from collegium.canonical import from_text
from collegium.errors import CollegiumError, FormatError
from collegium.learning.aggregation.next_model import (
    check_update,
    next_model,
    rule_named,
    server_named,
)
from collegium.learning.blobs import decode_model
from collegium.learning.evaluation.statement import decode_statement
from collegium.ledger.contract.transactions import StudyRegister
from collegium.study.canonical import study_from_document
from collegium.study.document import Study

Fetch = Callable[[str], bytes | None]
"""Returns the blob that the ledger names so (base64url), or None."""


def registered_study(
    registration: StudyRegister, fetch: Fetch
) -> tuple[Study | None, list[Finding]]:
    """Return a study's document, with findings where it is missing or was registered wrongly."""
    where = f"{registration.study}, study.register"
    data = fetch(registration.document)
    if data is None:
        return None, [Finding("blob.missing", "error", "the study document is missing", where)]
    try:
        study = study_from_document(data)
    except FormatError as error:
        return None, [Finding("study.malformed", "error", f"{error.what}: {error.why}", where)]
    said = {
        "attendance": study.study.attendance,
        "exponent": study.aggregation.exponent,
        "max_attempts": study.study.max_attempts,
        "rounds": study.training.rounds,
        "rule": study.aggregation.rule,
        "seed": study.study.seed,
        "server": None,
        "study": study.study.id,
        "weights": study.aggregation.weights,
    }
    findings = []
    for name, value in said.items():
        registered = getattr(registration, name)
        if name == "rule":
            registered = registered.partition("@")[0]
        if value is not None and registered != value:
            what = f"{name} is registered as {registered!r}, and the document says {value!r}"
            findings.append(Finding("study.registration", "error", what, where))
    return study, findings


def recompute_rounds(
    story: Story, study: Study, fetch: Fetch
) -> tuple[dict[Level, int], list[Finding]]:
    """Recompute every closed round; return how many reached which level, and what does not hold."""
    levels: dict[Level, int] = {}
    findings: list[Finding] = []
    for attempt in story.closed_rounds:
        level, found = _recompute(story, study, attempt, fetch)
        findings += found
        if level is not None:
            levels[level] = levels.get(level, 0) + 1
    return levels, findings


def _recompute(
    story: Story, study: Study, attempt: Attempt, fetch: Fetch
) -> tuple[Level | None, list[Finding]]:
    closed, opened = attempt.closed, attempt.opened
    if closed is None:
        return None, []
    where = f"{closed.study}, round {closed.round}"
    start, result = fetch(closed.parent), fetch(closed.model)
    if start is None or result is None:
        which = "it started from" if start is None else "it led to"
        return None, [Finding("blob.missing", "error", f"the model that {which} is missing", where)]
    reveals = [attempt.reveals[name] for name in attempt.included]
    blobs = [fetch(reveal.digest) for reveal in reveals]
    present = [data for data in blobs if data is not None]
    if len(present) < len(blobs):
        what = f"{len(blobs) - len(present)} update(s) are not here; the validators' votes stand"
        return "certified_by_votes", [Finding("blob.withheld", "note", what, where)]
    weights = dict(zip(opened.participants, opened.weights, strict=True))
    registration = story.registration
    try:
        rule = rule_named(registration.rule)
        for data, reveal in zip(present, reveals, strict=True):
            check_update(
                data, registration.parameters, opened.exponent, reveal.peak, reveal.saturated
            )
        recomputed = next_model(
            decode_model(start), present, tuple(weights[name] for name in attempt.included),
            attempt.included, opened.exponent, rule,
            server_named(registration.server, study.aggregation.server.optimizer),
            study.aggregation.server,
        )  # fmt: skip
    except CollegiumError as error:
        if error.code.startswith("plugin."):
            what = f"{error.what}; the validators' votes stand"
            return "certified_by_votes", [Finding("rule.missing", "note", what, where)]
        what = f"the aggregate cannot be recomputed: {error.what}: {error.why}"
        return None, [Finding("round.updates", "error", what, where)]
    if sha256(recomputed).digest() != from_text(closed.model, 32):
        what = "recomputing the aggregate gives another model than the one that was voted"
        return None, [Finding("round.model", "error", what, where)]
    by_kind: dict[str, Level] = {
        "recomputed": "recomputed",
        "given_scores": "recomputed_given_scores",
        "attested": "attested",
    }
    return by_kind[rule.kind], []


def check_statements(story: Story, fetch: Fetch) -> tuple[int, list[Finding]]:
    """Check that each site's statements are there, well-formed and about the final model."""
    checked = 0
    findings = []
    for site, post in story.statements.items():
        where = f"{post.study}, evaluation.post of {site}"
        for kind, name in (("federated", post.federated), ("local", post.local)):
            if name is msgspec.UNSET:
                continue
            data = fetch(name)
            if data is None:
                what = f"the statement about the {kind} model is missing"
                findings.append(Finding("blob.missing", "error", what, where))
                continue
            try:
                statement = decode_statement(data)
            except FormatError as error:
                what = f"{error.what}: {error.why}"
                findings.append(Finding("statement.malformed", "fault", what, where))
                continue
            checked += 1
            if statement.kind != kind or (kind == "federated" and statement.model != post.model):
                what = f"the statement posted about the {kind} model speaks of another one"
                findings.append(Finding("statement.mismatch", "fault", what, where))
    return checked, findings
