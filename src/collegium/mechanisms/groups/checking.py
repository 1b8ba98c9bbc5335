"""What an auditor gathers of groups: who was put where, and which ones were lost or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collegium.audit.attempts import AttemptRecord
from collegium.audit.findings import Finding
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutAttempt, Value
from collegium.ledger.contract.declared import place_of
from collegium.mechanisms.groups.terms import (
    MECHANISM,
    GroupsDrawn,
    GroupsLost,
    GroupsRefused,
    SecaggBind,
    Without,
)


@dataclass(slots=True)
class Grouped:
    """An attempt's groups.

    `bound` are those who bound themselves to their keys; `groups` is who was put where, `lost` in
    which phase a group was left out, `refused` which ones the voted model was made without.
    """

    bound: set[str] = field(default_factory=set)
    groups: dict[str, int] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    refused: tuple[int, ...] = ()

    @property
    def going_on(self) -> dict[str, int]:
        """Who is in which group that went on."""
        return {name: one for name, one in self.groups.items() if one not in self.lost}


def survivors(record: AttemptRecord) -> tuple[str, ...]:
    """Return whose updates are in a sum that is opened: the included ones of groups that go on."""
    here = record.of(Grouped)
    return tuple(name for name in record.included if here.groups.get(name) not in here.lost)


def _bound(study_history: StudyHistory, sender: str, tx: SecaggBind) -> None:
    study_history.at(tx.round, tx.attempt).of(Grouped).bound.add(sender)


def _drawn(study_history: StudyHistory, event: GroupsDrawn) -> None:
    drawn = dict(zip(event.members, event.groups, strict=True))
    study_history.at(event.round, event.attempt).of(Grouped).groups = drawn


def _lost(study_history: StudyHistory, event: GroupsLost) -> None:
    here = study_history.at(event.round, event.attempt).of(Grouped)
    here.lost |= dict.fromkeys(event.groups, event.phase)


def _refused(study_history: StudyHistory, event: GroupsRefused) -> None:
    study_history.at(event.round, event.attempt).of(Grouped).refused = event.groups


def _fixes(record: AttemptRecord) -> Mapping[str, Any]:
    return {"included": survivors(record), "groups": record.of(Grouped).going_on}


def _left_out(record: AttemptRecord, name: str, phase: str) -> bool:
    """Whether a member's group was left out before a phase."""
    here = record.of(Grouped)
    lost = here.lost.get(here.groups.get(name, 0))
    return lost is not None and place_of(record.modules, lost) < place_of(record.modules, phase)


def _begins(record: AttemptRecord, name: str, over: bool) -> bool | None:
    if MECHANISM.versioned not in record.modules or name in record.of(Grouped).bound:
        return None
    return "sa.keys" in record.phases or over


def _findings(audited: Audited) -> Iterator[Finding]:
    for record in audited.history.every_attempt:
        where = AboutAttempt(audited.name, record.opened.round, record.opened.attempt)
        here = record.of(Grouped)
        for number, phase in sorted(here.lost.items()):
            names = tuple(name for name, one in here.groups.items() if one == number)
            told: dict[str, Value] = {"group": number, "members": names, "phase": phase}
            yield Finding("group.lost", "note", where, told)
        for number in here.refused:
            names = tuple(name for name in survivors(record) if here.groups[name] == number)
            yield Finding("group.refused", "fault", where, {"group": number, "members": names})


CHECKING = Checking(
    takes={SecaggBind: _bound},
    notes={GroupsDrawn: _drawn, GroupsLost: _lost, GroupsRefused: _refused},
    fixes=_fixes,
    left_out=_left_out,
    begins=_begins,
    differs={Without: lambda where: Finding("round.model", "error", where, {"case": "groups"})},
    checks=lambda audited: Checked([*_findings(audited)]),
)
