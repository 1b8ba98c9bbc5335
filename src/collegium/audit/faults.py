"""Who failed or lied, as the ledger tells: faults that the protocol caught and that stay named."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from collegium.audit.findings import Finding
from collegium.audit.studies import Attempt, Story

_WHAT = {
    "validator.outvoted": "voted for another model than the one that the others recomputed",
    "validator.gave-up": "voted that there is no model where the others recomputed one",
    "validator.silent": "did not vote",
    "validator.did-not-attest": "did not say which updates it holds",
    "site.silent": "committed no update",
    "site.withheld": "committed to an update and never revealed it",
    "site.unavailable": "revealed an update that too few validators could fetch and find sound",
}


def faults(study: str, story: Story) -> list[Finding]:
    """Return one finding for each member and kind of fault, with the rounds where it occurred."""
    found: dict[tuple[str, str], list[str]] = {}
    for (number, attempt), record in story.attempts.items():
        place = f"{number}" if attempt == 1 else f"{number} (attempt {attempt})"
        for code, member in _of_attempt(record):
            found.setdefault((code, member), []).append(place)
    findings = [
        Finding(code, "fault", f"{member} {_WHAT[code]}", f"{study}, {_rounds(places)}")
        for (code, member), places in sorted(found.items())
    ]
    for (number, attempt), record in story.attempts.items():
        if record.failed is not None:
            what = f"an attempt failed ({record.failed.reason}); the model stayed as it was"
            where = f"{study}, round {number}, attempt {attempt}"
            findings.append(Finding("attempt.failed", "note", what, where))
    if story.failed is not None:
        what = f"the study failed ({story.failed.reason}) and keeps its last good model"
        findings.append(Finding("study.failed", "fault", what, study))
    return findings


def _of_attempt(attempt: Attempt) -> Iterator[tuple[str, str]]:
    reached = attempt.phases
    for name in attempt.opened.participants:
        if name not in attempt.commits:
            if "reveal" in reached or attempt.failed is not None:
                yield "site.silent", name
        elif name not in attempt.reveals:
            if "available" in reached or attempt.failed is not None:
                yield "site.withheld", name
        elif name not in attempt.included and "vote" in reached:
            yield "site.unavailable", name
    for name in attempt.opened.validators:
        if reached.get("vote", False) and name not in attempt.attested:
            yield "validator.did-not-attest", name
        if attempt.closed is None:
            continue
        vote = attempt.votes.get(name)
        if vote is None:
            yield "validator.silent", name
        elif vote.model is msgspec.UNSET:
            yield "validator.gave-up", name
        elif vote.model != attempt.closed.model:
            yield "validator.outvoted", name


def _rounds(places: list[str]) -> str:
    shown = ", ".join(places[:10]) + (f" and {len(places) - 10} more" if len(places) > 10 else "")
    return f"round{'s' if len(places) > 1 else ''} {shown}"
