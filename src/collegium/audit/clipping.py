"""Whose updates were cut off, as they reached farther than their round had room for."""

from __future__ import annotations

from collections.abc import Iterator

from collegium.audit.findings import ClippedUpdates, Finding
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutMember, At


def clipped_updates(study_history: StudyHistory) -> tuple[ClippedUpdates, ...]:
    """Return whose updates in models were cut off, by site; none on ledgers of contract 1.

    There, coordinates at the end of the range are no sign: most updates reached it.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for record in study_history.closed_rounds:
        if not isinstance(record.opened.room, int):
            continue
        for name in record.included:
            if count := record.reveals[name].saturated:
                found.setdefault(name, []).append((record.opened.round, count))
    return tuple(
        ClippedUpdates(
            study=study_history.registration.study, site=name,
            rounds=tuple(number for number, _ in rounds),
            coordinates=max(count for _, count in rounds),
        )
        for name, rounds in sorted(found.items())
    )  # fmt: skip


def cut_off(study: str, study_history: StudyHistory) -> Iterator[Finding]:
    """Yield a note about each of them."""
    attempts = {one.opened.round: one.opened.attempt for one in study_history.closed_rounds}
    for one in clipped_updates(study_history):
        where = AboutMember(one.site, study, tuple(At(n, attempts[n]) for n in one.rounds))
        told = {"rounds": len(one.rounds), "coordinates": one.coordinates}
        yield Finding("site.clipped", "note", where, {**told})
