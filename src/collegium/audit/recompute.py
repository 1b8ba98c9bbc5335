"""Recomputing a study's rounds from the recorded updates, and checking what blobs say."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from collegium.audit.evidence import Absence, Evidence, Fetch
from collegium.audit.findings import Finding, Level, of_error
from collegium.audit.studies import Attempt, Story
from collegium.audit.subjects import AboutAttempt, AboutEntry, AboutRound, Subject, Value
from collegium.audit.unmasking import hidden_of, missing_shares, refused_sum
from collegium.canonical import from_text, to_text
from collegium.errors import CollegiumError, FormatError
from collegium.learning.aggregation.following import followed, within
from collegium.learning.aggregation.next_model import (
    checked_update,
    next_model,
    rule_named,
    server_named,
)
from collegium.learning.aggregation.random_k import Drawn, drawn_of
from collegium.learning.aggregation.scores import Scores, scores_of
from collegium.learning.aggregation.stopping import is_over, measured_loss
from collegium.learning.blobs import decode_model, encode_model
from collegium.learning.evaluation.statement import decode_statement
from collegium.ledger.contract.events import RoundClosed
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import Recipe, outcome
from collegium.secrecy.secure_sum import Flaw
from collegium.study.document import Study
from collegium.study.searching import at_round, held_out


def recompute_rounds(
    story: Story, study: Study, evidence: Evidence
) -> tuple[dict[Level, int], list[Finding]]:
    """Recompute every closed round; return how many reached which level, and what does not hold.

    An attempt that failed for want of a quorum is recomputed too: that tells who voted wrongly.
    """
    levels: dict[Level, int] = {}
    findings: list[Finding] = []
    for attempt in story.attempts.values():
        if attempt.closed is not None:
            level, found = _closed_round(story, study, attempt, attempt.closed, evidence)
            findings += found
            if level is not None:
                levels[level] = levels.get(level, 0) + 1
        elif attempt.included:
            findings += _failed_attempt(story, study, attempt, evidence)
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
    story: Story, study: Study, attempt: Attempt, closed: RoundClosed, evidence: Evidence
) -> tuple[Level | None, list[Finding]]:
    where = AboutRound(closed.study, closed.round)
    if evidence.fetch(closed.model) is None:
        return None, [Finding("blob.missing", "error", where, {"case": "model"})]
    recomputed = _next_model(story, study, attempt, evidence, where)
    if recomputed is None:
        return "certified_by_votes", []
    if isinstance(recomputed, Finding):
        level: Level | None = "certified_by_votes" if recomputed.severity == "note" else None
        return level, [recomputed]
    if sha256(recomputed).digest() != from_text(closed.model, DIGEST_SIZE):
        return None, [Finding("round.model", "error", where, {"case": "model"})]
    if not _ends_rightly(study, attempt, recomputed):
        return None, [Finding("round.ending", "error", where)]
    by_kind: dict[str, Level] = {
        "recomputed": "recomputed",
        "given_scores": "recomputed_given_scores",
        "attested": "attested",
    }
    return by_kind[rule_named(story.registration.rule).kind], []


def _ends_rightly(study: Study, attempt: Attempt, model: bytes) -> bool:
    """Return whether most of the power behind a round's model told its loss, and ended if due."""
    stopping, opened = study.training.early_stopping, attempt.opened
    if held_out(study) is None or attempt.closed is None:
        return True
    made = decode_model(model)
    due = is_over(made, None if stopping is None else stopping.patience), measured_loss(made)
    powers = dict(zip(opened.validators, opened.powers, strict=True))
    behind = {True: 0, False: 0}
    for name, vote in attempt.votes.items():
        if vote.model == attempt.closed.model:
            said = vote.ends is not msgspec.UNSET, vote.validation
            behind[said == due] += powers[name]
    return behind[True] > behind[False]


def _failed_attempt(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence
) -> Iterator[Finding]:
    """Say who voted wrongly where no quorum came about, or that the updates lead to no model.

    The latter is no fault of the evidence where every vote says the same.
    """
    opened = attempt.opened
    where = AboutAttempt(opened.study, opened.round, opened.attempt)
    recomputed = _next_model(story, study, attempt, evidence, where)
    if recomputed is None:
        return
    if isinstance(recomputed, Finding):
        agreed = all(vote.model is msgspec.UNSET for vote in attempt.votes.values())
        expected = recomputed.code == "round.updates" and agreed
        yield msgspec.structs.replace(recomputed, severity="note") if expected else recomputed
        return
    right = to_text(sha256(recomputed).digest())
    wrong = tuple(name for name, vote in attempt.votes.items() if vote.model != right)
    if wrong:
        yield Finding("validator.wrong", "fault", where, {"case": "model", "members": wrong})


def _next_model(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence, where: Subject
) -> bytes | Finding | None:
    """Return the model that an attempt's included updates lead to, or why it cannot be told.

    None where the updates are rightly gone: the votes stand, and nothing is wrong.
    """
    opened, registration = attempt.opened, story.registration
    start = evidence.fetch(opened.model)
    if start is None:
        return Finding("blob.missing", "error", where, {"case": "model-before"})
    weights = dict(zip(opened.participants, opened.weights, strict=True))
    server = at_round(study, opened.round)[0].aggregation.server
    try:
        if is_masked(opened.design):
            return _unmasked(story, study, attempt, evidence, where, start)
        found = [evidence.update(attempt, name) for name in attempt.included]
        present = [data for data in found if isinstance(data, bytes)]
        if len(present) < len(found):
            return votes_stand([one for one in found if isinstance(one, str)], where)
        reveals = [attempt.reveals[name] for name in attempt.included]
        updates = [
            checked_update(
                from_text(reveal.digest, DIGEST_SIZE), data, story.sent,
                opened.exponent, reveal.peak, reveal.saturated,
            )
            for data, reveal in zip(present, reveals, strict=True)
        ]  # fmt: skip
        model = next_model(
            decode_model(start), updates, tuple(weights[name] for name in attempt.included),
            attempt.included, opened.exponent, rule_named(registration.rule),
            study.aggregation.tolerate, server_named(registration.server), server,
            _scores(study, attempt),
            _drawn(story, study, attempt, evidence),
        )  # fmt: skip
        if followed(model.tensors) and not _was_told(attempt, within=within(updates)):
            return Finding("round.model", "error", where, {"case": "within"})
        return encode_model(model)
    except CollegiumError as error:
        if error.code.startswith("plugin."):
            return Finding("rule.missing", "note", where, of_error(error))
        return Finding("round.updates", "error", where, {"case": "error", **of_error(error)})


def _scores(study: Study, attempt: Attempt) -> Scores | None:
    """Return what an attempt's rule was given of scores; None where nobody scored."""
    opened, combined = attempt.opened, attempt.combined
    if combined is None or not isinstance(opened.reputations, tuple):
        return None
    known = dict(zip(opened.participants, opened.reputations, strict=True))
    norm = combined.norm if isinstance(combined.norm, int) else None
    reputations = [known[name] for name in attempt.included]
    return scores_of(study, opened.exponent, combined.scores, norm, reputations)


def _unmasked(
    story: Story, study: Study, attempt: Attempt, evidence: Evidence, where: Subject, start: bytes
) -> bytes | Finding | None:
    """Return the model that the sum of masked updates leads to, or why it cannot be told.

    Raises:
        CollegiumError: a blob is malformed, or the arithmetic has no result.
    """
    registration, model = story.registration, decode_model(start)
    recipe = Recipe(
        secure_sum_named(registration.design), story.sent, rule_named(registration.rule),
        study.aggregation.tolerate, server_named(registration.server),
        at_round(study, attempt.opened.round)[0].aggregation.server,
        _drawn(story, study, attempt, evidence),
    )  # fmt: skip
    hidden = hidden_of(story, study, attempt, evidence)
    if isinstance(hidden, list):
        return votes_stand(hidden, where)
    found = outcome(hidden, model, recipe)
    if found.model is None:
        gone = missing_shares(attempt, evidence)
        if gone and any(isinstance(why, Flaw) for why in found.refused.values()):
            return votes_stand(gone, where)
        refused = tuple(refused_sum(one, why) for one, why in found.refused.items())
        return Finding("round.updates", "error", where, {"case": "refused", "refused": refused})
    told = {"saturated": found.saturated, "small": found.small}
    if found.within is not None:
        told["within"] = found.within
    if not _was_told(attempt, **told):
        return Finding("round.model", "error", where, {"case": "indicators"})
    if attempt.closed is not None and attempt.refused != tuple(sorted(found.refused)):
        return Finding("round.model", "error", where, {"case": "groups"})
    return encode_model(found.model)


def _drawn(story: Story, study: Study, attempt: Attempt, evidence: Evidence) -> Drawn | None:
    """Return which coordinates an attempt's updates have, if not all."""
    opened = attempt.opened
    model = from_text(opened.model, DIGEST_SIZE)
    return drawn_of(study, evidence.genesis, opened.round, model, story.parameters)


def _was_told(attempt: Attempt, **told: int) -> bool:
    """Return whether a quorum's votes tell this of the updates, if they led to a model."""
    opened = attempt.opened
    right = sum(
        power
        for name, power in zip(opened.validators, opened.powers, strict=True)
        if (vote := attempt.votes.get(name)) is not None
        and all(getattr(vote, key) == value for key, value in told.items())
    )
    return attempt.closed is None or is_quorum(right, sum(opened.powers))


def votes_stand(absences: list[Absence], where: Subject) -> Finding | None:
    """Return what is to be said of updates that are not to be had; None if they were retired."""
    missing, sealed = absences.count("missing"), absences.count("sealed")
    if missing:
        return Finding("blob.withheld", "note", where, {"count": missing})
    if sealed < len(absences):
        return None
    return Finding("update.sealed", "note", where, {"count": sealed})


def check_statements(story: Story, fetch: Fetch) -> tuple[int, list[Finding]]:
    """Check that each site's statements are there, well-formed and about the final model."""
    checked = 0
    findings = []
    for site, post in story.statements.items():
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
