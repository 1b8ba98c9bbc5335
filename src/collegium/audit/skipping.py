"""Whom a study went on without because it had been silent; whose fault that was nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator

from collegium.audit.attempts import AttemptRecord
from collegium.audit.findings import Finding
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutAttempts, At, Value
from collegium.ledger.contract.declared import following, phase_of, phases_of, place_of
from collegium.ledger.contract.events import MembersSilent, MembersSkipped
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.silence import SITES


def skipped(study: str, study_history: StudyHistory) -> Iterator[Finding]:
    """Yield, by site and by silence, the rounds in which it had no part, and since where."""
    since: dict[str, MembersSilent] = {}
    found: dict[tuple[str, int, str], list[At]] = {}
    for event in study_history.silences:
        if isinstance(event, MembersSkipped):
            for name in event.members:
                one = since[name]
                found.setdefault((name, one.round, one.phase), []).append(At(event.round, 1))
            continue
        phase = phase_of(study_history.terms.modules, event.phase)
        if phase is None or phase.speakers == SITES:  # set-up's phases are none of rounds
            since |= dict.fromkeys(event.members, event)
    for (name, number, where), places in found.items():
        told: dict[str, Value] = {"members": (name,), "count": len(places), "phase": where}
        set_up = not number or is_sum(number)
        told |= {"case": "set-up"} if set_up else {"case": "round", "round": number}
        yield Finding("site.skipped", "note", AboutAttempts(study, tuple(places)), told)


def passed_over(attempt: AttemptRecord, phase: str) -> bool:
    """Return whether a phase went by without a timer: who is missing in it was not waited for."""
    there = place_of(attempt.modules, phase) >= 0
    after = following(attempt.modules, phase) if there else None
    return after is not None and attempt.phases.get(after.name) is False


def silent_before(history: StudyHistory, attempt: AttemptRecord, name: str, phase: str) -> str:
    """Return in which phase of participants before another a member was silent; "" for none."""
    modules = attempt.modules
    earlier = phases_of(modules)[: place_of(modules, phase)]
    asked = {one.name for one in earlier if one.speakers == SITES}
    here = (attempt.opened.round, attempt.opened.attempt)
    return next(
        (
            one.phase for one in history.silences
            if isinstance(one, MembersSilent) and (one.round, one.attempt) == here
            and one.phase in asked and name in one.members
        ),
        "",
    )  # fmt: skip
