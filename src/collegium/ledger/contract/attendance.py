"""How many must speak for a phase to succeed, and how many updates an attempt needs."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.ledger.contract import members
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import phase_of
from collegium.ledger.contract.rules import each
from collegium.ledger.contract.tables import Acceptance, StudyRecord
from collegium.ledger.state import State


def ready(course: StudyAt) -> dict[str, int]:
    """Return the weights of sites that have accepted, are still members, and are not barred."""
    state: State = course.state
    barred = state.names(course.table("barred"))
    active = members.active_members(state)
    weights = state.derived(course.table("sites"), Acceptance, _weights)
    return {
        name: weight for name, weight in weights.items() if name in active and name not in barred
    }


def _weights(found: Mapping[str, Acceptance]) -> dict[str, int]:
    return {name: acceptance.weight for name, acceptance in found.items()}


def fewest(record: StudyRecord) -> int:
    """Return how many updates an attempt needs at least."""
    asked = (need(record) for need in each(record.modules, lambda rules: rules.fewest))
    return max(record.min_sites, *asked, 0)


def needed_in(at: RoundAt) -> int:
    """Return how many must have spoken in a phase, or how many updates must be available."""
    record, current = at.record, at.current
    everybody = current.expected
    if current.phase == "available":
        everybody = at.state.count(at.table("participants"))
    if record.attendance == "all":
        return everybody
    phase = phase_of(record.modules, current.phase)
    if phase is not None and phase.opens:
        needs = each(record.modules, lambda rules: rules.fewest_openers)
        return max((need(record) for need in needs), default=0)
    pinned = each(record.modules, lambda rules: rules.needs_everybody)
    return everybody if any(asks(at) for asks in pinned) else fewest(record)
