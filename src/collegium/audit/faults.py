"""Who failed or lied, as the ledger tells: faults that the protocol caught and that stay named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from collegium.audit.clipping import cut_off
from collegium.audit.findings import Finding, Severity
from collegium.audit.seam import every_checking
from collegium.audit.skipping import passed_over, silent_before, skipped
from collegium.audit.studies import AttemptRecord, Author, StudyHistory
from collegium.audit.subjects import (
    AboutAttempt,
    AboutAttempts,
    AboutMember,
    AboutStudy,
    At,
    Value,
)
from collegium.audit.weights import bounded_shares
from collegium.ledger.contract.declared import is_masked, phases_of
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.series import is_sum
from collegium.ledger.genesis import Genesis

UNHEARD = frozenset({
    "site.absent", "site.no-shares", "site.no-statement", "site.no-statistics", "site.silent",
    "site.unavailable", "site.withheld", "validator.did-not-attest", "validator.silent",
    "validator.unscored", "validator.withheld-scores",
})  # fmt: skip
"""Faults that are silence: whoever orders can make them of what an honest member said."""


def has_sequencer(genesis: Genesis | None) -> bool:
    """Return whether one party orders a ledger's transactions, and could keep any of them back.

    A simulation orders what it says itself.
    """
    return genesis is not None and isinstance(genesis.log, str) and genesis.keys != "simulated"


def faults(
    study: str,
    study_history: StudyHistory,
    refuted: Collection[Author] = (),
    *,
    traps: bool = False,
) -> list[Finding]:
    """Return one finding for each member and kind of fault, with the rounds where it occurred.

    Silence is nobody's fault where whoever orders can make it: it is noted, by kind.

    Args:
        study: its id.
        study_history: what happened.
        refuted: updates that can be shown to be none, though somebody attested to them.
        traps: whether the study plants such updates; then they are no fault of their sites.
    """
    found: dict[tuple[str, str, str], list[At]] = {}
    unheard: dict[str, list[tuple[str, At | None]]] = {}
    for record in study_history.every_attempt:
        place = At(record.opened.round, record.opened.attempt)
        for code, member in _of_attempt(record, refuted, over=_is_over(study_history, record)):
            shown = (place.round, place.attempt, member) in refuted
            if study_history.can_silence and code in UNHEARD and not shown:
                unheard.setdefault(code, []).append((member, place))
            else:
                missed = silent_before(study_history, record, member, "commit")
                phase = missed if code == "site.silent" else ""
                found.setdefault((code, member, phase), []).append(place)
    findings = []
    for (code, member, phase), places in sorted(found.items()):
        trap = traps and code == "site.unavailable"
        severity: Severity = "note" if trap else "fault"
        told: dict[str, Value] = {"case": "trap"} if trap else {}
        if phase:
            told = {"case": "phase", "phase": phase}
        findings.append(Finding(code, severity, AboutMember(member, study, tuple(places)), told))
    for code, member in _of_study(study_history):
        if study_history.can_silence:
            unheard.setdefault(code, []).append((member, None))
        else:
            findings.append(Finding(code, "fault", AboutMember(member, study)))
    findings += [_unheard(study, code, told_of) for code, told_of in sorted(unheard.items())]
    findings += bounded_shares(study, study_history)
    findings += cut_off(study, study_history)
    findings += skipped(study, study_history)
    findings += _contests(study, study_history, refuted)
    for record in study_history.every_attempt:
        where = AboutAttempt(study, record.opened.round, record.opened.attempt)
        if record.failed is not None:
            reason = record.failed.reason
            findings.append(Finding("attempt.failed", "note", where, {"reason": reason}))
        elif not _is_over(study_history, record):
            waiting = tuple(member for _, member in _of_attempt(record, refuted, over=True))
            case = "members" if waiting else "timers"
            findings.append(
                Finding("attempt.open", "note", where, {"case": case, "members": waiting})
            )
    if study_history.failed is not None:
        why: dict[str, Value] = {"reason": study_history.failed.reason}
        findings.append(Finding("study.failed", "fault", AboutStudy(study), why))
    closed = study_history.closed
    if closed is not None and closed.outcome == "completed" and study_history.release is None:
        findings.append(Finding("release.missing", "note", AboutStudy(study)))
    return findings


def _unheard(study: str, code: str, told_of: Sequence[tuple[str, At | None]]) -> Finding:
    """Return what the ledger lacks of a kind, and of whom, without saying whose fault that is."""
    places = tuple(dict.fromkeys(place for _, place in told_of if place is not None))
    names = tuple(sorted({member for member, _ in told_of}))
    told: dict[str, Value] = {"case": code, "members": names}
    return Finding("ledger.unheard", "note", AboutAttempts(study, places), told)


def _of_study(study_history: StudyHistory) -> Iterator[tuple[str, str]]:
    """Yield code and member of what set-up, and a closed study, have been left without."""
    for name in sorted(study_history.accepted):
        for step in study_history.steps.values():
            if step.gathered and name in step.asked and name not in step.posts:
                yield "site.no-statistics", name
    if study_history.closed is None:
        return
    for name in study_history.registration.sites:
        if name not in study_history.accepted:
            yield "site.absent", name
        elif study_history.closed.outcome == "completed" and name not in study_history.statements:
            yield "site.no-statement", name


def _contests(
    study: str, study_history: StudyHistory, refuted: Collection[Author]
) -> Iterator[Finding]:
    """Yield updates that some validators found sound and others did not get so.

    Bytes are not signed, so which of them is to blame cannot be proven.
    """
    found: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[At]] = {}
    key: tuple[str, str, tuple[str, ...], tuple[str, ...]]
    for record in study_history.every_attempt:
        number, attempt = record.opened.round, record.opened.attempt
        for name in record.reveals:
            if (number, attempt, name) in refuted:
                continue
            having = record.vouching(name)
            without = [one for one in sorted(record.bitmaps) if one not in having]
            if name in record.included and without:
                key = (name, "update.contested", (), tuple(without))
            elif _left_out(record, name, "vote"):
                continue
            elif "vote" in record.phases and having and name not in record.included:
                key = (name, "update.left-out", tuple(having), tuple(without))
            else:
                continue
            found.setdefault(key, []).append(At(number, attempt))
    for (name, code, for_whom, others), places in sorted(found.items()):
        told: dict[str, Value] = {"having": for_whom, "without": others}
        yield Finding(code, "fault", AboutMember(name, study, tuple(places)), told)


def _is_over(study_history: StudyHistory, attempt: AttemptRecord) -> bool:
    """Whether nobody can speak in an attempt any more."""
    given_up = study_history.given_up if is_sum(attempt.opened.round) else None
    ends = (attempt.closed, attempt.failed, attempt.summed, study_history.failed, given_up)
    return any(end is not None for end in ends)


def _of_attempt(
    attempt: AttemptRecord, refuted: Collection[Author], *, over: bool
) -> Iterator[tuple[str, str]]:
    """Yield code and member of each fault; whoever may still speak has committed none."""
    reached, sound = attempt.phases, attempt.attested
    withheld = attempt.failed is not None and attempt.failed.reason == "withheld"
    none = [
        name
        for name in attempt.reveals
        if (attempt.opened.round, attempt.opened.attempt, name) in refuted
    ]
    for name in attempt.opened.participants:
        if name not in attempt.commits:
            if _fell_silent(attempt, name, over=over):
                yield "site.silent", name
        elif name not in attempt.reveals:
            if _left_out(attempt, name, "reveal"):
                continue
            if "available" in reached or ("reveal" in reached and over):
                yield "site.withheld", name
        elif name in none or (
            name not in sound and (withheld or ("vote" in reached and not attempt.vouching(name)))
        ):
            yield "site.unavailable", name
        if (
            name in attempt.included
            and name not in attempt.shares
            and any(phase.opens and phase.name in reached for phase in phases_of(attempt.modules))
            and ("vote" in reached or over)
        ):
            yield "site.no-shares", name
    for validator in sorted({one for name in none for one in attempt.vouching(name)}):
        yield "validator.attested-unsound", validator
    voting = attempt.closed is not None or (
        "vote" in reached
        and over
        and attempt.summed is None  # a vote after its close is not on record
        and (attempt.failed is None or attempt.failed.reason == "timeout")
    )
    ended, agreed = attempt.closed or attempt.summed, attempt.voted
    for name in attempt.opened.validators:
        missing = name not in attempt.bitmaps and not passed_over(attempt, "available")
        if missing and ("vote" in reached or ("available" in reached and over)):
            yield "validator.did-not-attest", name
        for one in every_checking():
            if one.unsaid is not None:
                yield from ((code, name) for code in one.unsaid(attempt, name, over))
        vote = attempt.votes.get(name)
        if vote is None and voting:
            yield "validator.silent", name
        if vote is not None and ended is not None and vote != agreed:
            gave_up = isinstance(vote, Failure)
            yield "validator.gave-up" if gave_up else "validator.outvoted", name


def _fell_silent(attempt: AttemptRecord, name: str, *, over: bool) -> bool:
    """Whether who has not committed could have, or missed a step before that."""
    reached = attempt.phases
    for one in every_checking():
        if one.begins is not None and (silent := one.begins(attempt, name, over)) is not None:
            return silent
    if is_masked(attempt.opened.design):
        if name not in attempt.keys:
            return "sa.deal" in reached or (over and _reached(attempt, "sa.keys"))
        if name not in attempt.deals:
            if _left_out(attempt, name, "sa.deal"):
                return False
            return "commit" in reached or ("sa.deal" in reached and over)
        over = over and "commit" in reached
    if _left_out(attempt, name, "commit"):
        return False
    return "reveal" in reached or over


def _reached(attempt: AttemptRecord, phase: str) -> bool:
    """Whether an attempt came to a phase; nothing on the ledger opens the first one."""
    return phase in attempt.phases or phase == phases_of(attempt.modules)[0].name


def _left_out(attempt: AttemptRecord, name: str, phase: str) -> bool:
    """Whether a member was left out before a phase, so that it could not speak there."""
    return any(one.left_out and one.left_out(attempt, name, phase) for one in every_checking())
