"""How many must speak for a phase to succeed, and how many updates an attempt needs."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.ledger.contract import circle, members
from collegium.ledger.contract.groups import fewest_of
from collegium.ledger.contract.phases import OPENING, is_graph
from collegium.ledger.contract.tables import (
    Acceptance,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    round_path,
    study_path,
    threshold_of,
)
from collegium.ledger.state import State


def ready(state: State, study: str) -> dict[str, int]:
    """Return the weights of sites that have accepted, are still members, and are not barred."""
    barred = state.names(study_path(study, "barred"))
    active = members.active_members(state)
    weights = state.derived(study_path(study, "sites"), Acceptance, _weights)
    return {
        name: weight for name, weight in weights.items() if name in active and name not in barred
    }


def _weights(found: Mapping[str, Acceptance]) -> dict[str, int]:
    return {name: acceptance.weight for name, acceptance in found.items()}


def fewest(record: StudyRecord) -> int:
    """Return how many updates an attempt needs at least."""
    themselves = is_graph(record.design)  # nobody holds a share of its own
    return max(record.min_sites, fewest_holders(record) + themselves)


def fewest_holders(record: StudyRecord) -> int:
    """Return how many members open as many sums as an attempt needs; 0 without secrets."""
    return threshold_of(record) * max(fewest_of(record), 1)


def needed_in(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> int:
    """Return how many must have spoken in a phase, or how many updates must be available."""
    everybody = current.expected
    if current.phase == "available":
        everybody = state.count(round_path(study, status.round, "participants"))
    if record.attendance == "all":
        return everybody
    if current.phase in OPENING:
        return fewest_holders(record)
    return everybody if circle.needs_everybody(state, study, status.round) else fewest(record)
