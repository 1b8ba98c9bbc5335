"""A clip that follows the updates of whole sites: where it is, and where it goes next.

docs/decisions/0078. A study keeps it in thousandths of a step of its grid, a round the step k of
the clip 2^(k/8).
"""

from __future__ import annotations

import msgspec

from collegium.accounting.adaptive import FINE, GRID, bound_at, grid_step, indicator_at, moved
from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.encoding import LARGEST_EXPONENT, SMALLEST_EXPONENT
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import THE_ONE, round_path
from collegium.ledger.state import State

LEAST_STEPS = 64
"""A clip that follows the updates has at least so many steps of their encoding."""

Clip = int | msgspec.UnsetType


def next_clip(
    first: tuple[int, int], exponent: int, clip: int, updates: int, within: int
) -> tuple[int, int]:
    """Return exponent and clip after a round whose updates told so much of being within it.

    The exponent changes by one with each doubling of the clip, so that the clip always has about
    as many steps; where the range of exponents ends, the clip stays with it.

    Args:
        first: the exponent that was registered, and k of the clip that was.
        exponent: of the round.
        clip: of the round, in thousandths of a grid step.
        updates: how many went into the model.
        within: the sum of what they told.
    """
    indicator = indicator_at(bound_at(grid_step(clip), exponent))
    octave = first[0] + first[1] // GRID  # exponent + octave of the clip, for ever
    lowest, highest = octave - LARGEST_EXPONENT, octave - SMALLEST_EXPONENT
    after = moved(clip, within, indicator, updates)
    after = max(FINE * GRID * lowest, min(FINE * (GRID * highest + GRID - 1), after))
    return octave - grid_step(after) // GRID, after


def require_room(terms: PrivacyTerms, exponent: int) -> None:
    """Refuse a clip that follows updates of no whole site, or has too few steps to tell.

    Raises:
        Rejected: it has less than `LEAST_STEPS` of them.
    """
    if not isinstance(terms.clip, int):
        return
    if not terms.protects.whole_site:
        raise Rejected("refused", "a clip follows updates of whole sites alone")
    if bound_at(GRID * (terms.clip // GRID), exponent) < LEAST_STEPS:
        raise Rejected("refused", f"a clip has at least {LEAST_STEPS} steps of the encoding")


def first_clip(terms: PrivacyTerms | None) -> Clip:
    """Return where a clip that follows the updates begins, in thousandths of a grid step."""
    if terms is None or not isinstance(terms.clip, int):
        return msgspec.UNSET
    return FINE * terms.clip


def begin(course: StudyAt, terms: PrivacyTerms) -> None:
    """Put the clip of a study that is registered where it begins, if it follows the updates."""
    clip = first_clip(terms)
    if isinstance(clip, int):
        _put(course, clip)


def fix(course: StudyAt) -> None:
    """Fix the clip of the round that opens, if it follows the updates."""
    clip = _of(course)
    if clip is not None:
        path = round_path(course.study, course.status.round, "clip")
        course.state.put(path, THE_ONE, b"%d" % grid_step(clip))


def in_round(state: State, study: str, number: int) -> Clip:
    """Return k of a round's clip, where it follows the updates."""
    found = state.get(round_path(study, number, "clip"), THE_ONE)
    return msgspec.UNSET if found is None else int(found)


def follow(at: RoundAt, terms: PrivacyTerms, updates: int, within: int) -> int:
    """Move the clip after a round, and return the exponent that goes with it.

    Args:
        at: the round that closes.
        terms: as registered.
        updates: how many went into the model.
        within: the sum of what they told.
    """
    clip = _of(at.course)
    if clip is None or not isinstance(terms.clip, int):
        return at.current.exponent
    first = (at.record.exponent, terms.clip)
    exponent, clip = next_clip(first, at.current.exponent, clip, updates, within)
    _put(at.course, clip)
    return exponent


def _of(course: StudyAt) -> int | None:
    found = course.state.get(course.table("clip"), THE_ONE)
    return None if found is None else int(found)


def _put(course: StudyAt, clip: int) -> None:
    course.state.put(course.table("clip"), THE_ONE, b"%d" % clip)
