"""Who was silent in a study is waited for no more, until it says that it is there (contract 2).

A mark is for those who speak together: a hospital that does not train may validate well. Marks
never lower what a phase, a round or a vote needs; where too few are left without the silent ones,
they are waited for as everybody is (docs/decisions/0138).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from collegium.ledger.contract import members
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import following, phase_of, phases_of, place_of
from collegium.ledger.contract.events import Event, MemberBack, MembersSilent, MembersSkipped
from collegium.ledger.contract.preconditions import may_speak, study_of, terms_in
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import Record, study_path
from collegium.ledger.contract.transactions import MemberHere
from collegium.ledger.state import State

TABLE = "silent"

SITES = "participants"
"""The mark of sites: of a round's participants, and of who is asked for statistics."""


class Silence(Record, frozen=True, kw_only=True):
    """Where a member was last silent, how often it was, and whether it has come back since."""

    attempt: int
    back: bool
    phase: str
    round: int
    times: int


def silences(state: State, study: str) -> dict[tuple[str, str], Silence]:
    """Return who is waited for no more, and since where, by (speakers, member) in order."""
    marks = state.records(study_path(study, TABLE), Silence)
    return {(*key.split("/", 1),): one for key, one in marks if not one.back}  # type: ignore[misc]


def silent(state: State, study: str, speakers: str) -> frozenset[str]:
    """Return who of those that speak together is waited for no more."""
    return frozenset(name for role, name in silences(state, study) if role == speakers)


def expected(at: RoundAt) -> tuple[str, ...]:
    """Return who may speak in the attempt's phase, in order, whether or not they have."""
    phases = phases_of(at.record.modules)
    place = place_of(at.record.modules, at.current.phase)
    phase, before = phases[place], phases[place - 1] if place else None
    names = at.members(phase.speakers)
    if before is not None:
        opens_sum = before.name == "available"
        if phase.speakers == (SITES if opens_sum else before.speakers):
            names = at.names("included" if opens_sum else before.table)
    return tuple(name for name in names if may_speak(at, name, phase.name))


def awaited(at: RoundAt) -> tuple[str, ...]:
    """Return who may speak in the attempt's phase and has not, in order."""
    phase = phase_of(at.record.modules, at.current.phase)
    if phase is None:
        return ()
    return tuple(name for name in expected(at) if not at.has(phase.table, name))


def time_out(at: RoundAt) -> list[Event]:
    """Mark who has not spoken in a phase that timers end."""
    phase = phase_of(at.record.modules, at.current.phase)
    if phase is None or members.contract_version(at.state) < 2:
        return []
    return fall_silent(
        at.course, phase.speakers, awaited(at), (at.number, at.attempt, phase.name)
    )  # fmt: skip


def fall_silent(
    course: StudyAt, speakers: str, names: Iterable[str], place: tuple[int, int, str]
) -> list[Event]:
    """Mark those members who are still some; `place` is round, attempt and phase."""
    state, path, (number, attempt, phase) = course.state, course.table(TABLE), place
    if members.contract_version(state) < 2:
        return []
    active = members.active_members(state)
    found = tuple(name for name in names if name in active)
    for name in found:
        key = f"{speakers}/{name}"
        known = state.record(path, key, Silence)
        state.put(path, key, Silence(
            attempt=attempt, back=False, phase=phase, round=number,
            times=1 if known is None else known.times + 1,
        ))  # fmt: skip
    if not found:
        return []
    told = MembersSilent(
        study=course.study, attempt=attempt, members=found, phase=phase, round=number
    )
    return [told]


def heard_without(at: RoundAt) -> bool:
    """Return whether a phase lacks but silent ones, and those who spoke have a quorum's power.

    Nobody is left out so of a vote, which a quorum ends, nor of what participants are to say: a
    round opens without who is silent, and an attempt that is repeated needs those whom it has.
    """
    phase = phase_of(at.record.modules, at.current.phase)
    if phase is None or phase.speakers == SITES or following(at.record.modules, phase.name) is None:
        return False
    if not at.state.count(at.course.table(TABLE)):
        return False
    if not silent(at.state, at.study, phase.speakers).issuperset(awaited(at)):
        return False
    powers = at.powers("validators")
    said = sum(powers.get(name, 0) for name in at.names(phase.table))
    return members.is_quorum(said, sum(powers.get(name, 0) for name in at.members(phase.speakers)))


def skipping(
    course: StudyAt, number: int, able: Mapping[str, int], fewest: int
) -> tuple[dict[str, int], list[Event]]:
    """Return with whom a round may open, and what is told of the others.

    That is everybody where fewer than `fewest` would be left.
    """
    out = silent(course.state, course.study, SITES)
    left = {name: weight for name, weight in able.items() if name not in out}
    skipped = tuple(sorted(able.keys() & out))
    if not skipped or len(left) < fewest:
        return dict(able), []
    return left, [MembersSkipped(study=course.study, members=skipped, round=number)]


def awaits(course: StudyAt, names: Iterable[str], spoken: int) -> bool:
    """Return whether a study waits outside of rounds for any of these sites.

    It does for silent ones as well while fewer have spoken than a round needs.
    """
    skipped: frozenset[str] = frozenset()
    if spoken >= course.record.min_sites:
        skipped = silent(course.state, course.study, SITES)
    active = members.active_members(course.state)
    return any(name in active and name not in skipped for name in names)


def here(state: State, sender: str, tx: MemberHere) -> list[Event]:
    """Wait again for a member that was silent.

    Raises:
        Rejected: it was not silent there, has said so, or the study has nothing left to do.
    """
    course = study_of(state, tx.study)
    if course.status.phase in ("closing", "closed"):
        raise Rejected("stale", f"the study is in {course.status.phase}")
    phase = phase_of(terms_in(course.record, tx.round).modules, tx.phase)
    key = f"{SITES if phase is None else phase.speakers}/{sender}"
    known = state.record(course.table(TABLE), key, Silence)
    if known is None or (known.round, known.attempt, known.phase) != (
        tx.round, tx.attempt, tx.phase
    ):  # fmt: skip
        raise Rejected("stale", f"{sender} is not waited for in vain since then")
    if known.back:
        raise Rejected("already", f"{sender} has said that it is there")
    state.put(course.table(TABLE), key, msgspec.structs.replace(known, back=True))
    return [MemberBack(study=tx.study, member=sender, phase=tx.phase)]
