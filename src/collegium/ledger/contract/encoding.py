"""The encoding of a study's next round: its exponent, and a clip that follows the updates."""

from __future__ import annotations

import msgspec

from collegium.accounting.adaptive import FINE, GRID, bound_at, grid_step, indicator_at, moved
from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import StudyRecord, StudyStatus

SMALL_PEAK = 8192
SMALLEST_EXPONENT, LARGEST_EXPONENT = -8, 30

LEAST_STEPS = 64
"""A clip that follows the updates has at least so many steps of their encoding."""

Clip = int | msgspec.UnsetType


def is_saturated(coordinates: int, parameters: int) -> bool:
    """Return whether so many saturated coordinates make an update saturated: over 0.1 %."""
    return coordinates * 1000 > parameters


def is_small(peak: int) -> bool:
    """Return whether an update's largest magnitude asks for a finer encoding."""
    return peak < SMALL_PEAK


def next_exponent(exponent: int, updates: int, saturated: int, small: int) -> int:
    """Return the exponent after a round of so many updates, of which some are saturated or small.

    More than half are saturated: one less. The median peak is small, which is so where more than
    half of the peaks are, the lower half of an even number not counting: one more. At most one
    step a round (architecture 3.5).
    """
    if 2 * saturated > updates:
        return max(exponent - 1, SMALLEST_EXPONENT)
    if small > updates // 2:
        return min(exponent + 1, LARGEST_EXPONENT)
    return exponent


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


def first_clip(privacy: PrivacyTerms | msgspec.UnsetType) -> Clip:
    """Return where a clip that follows the updates begins, in thousandths of a grid step."""
    if isinstance(privacy, PrivacyTerms) and isinstance(privacy.clip, int):
        return FINE * privacy.clip
    return msgspec.UNSET


def require_room(privacy: PrivacyTerms | msgspec.UnsetType, exponent: int) -> None:
    """Refuse a clip that follows updates of no whole site, or has too few steps to tell.

    Raises:
        Rejected: it has less than `LEAST_STEPS` of them.
    """
    if not (isinstance(privacy, PrivacyTerms) and isinstance(privacy.clip, int)):
        return
    if privacy.unit != "client":
        raise Rejected("refused", "a clip follows updates of whole sites alone")
    if bound_at(GRID * (privacy.clip // GRID), exponent) < LEAST_STEPS:
        raise Rejected("refused", f"a clip has at least {LEAST_STEPS} steps of the encoding")


def clip_of(status: StudyStatus) -> Clip:
    """Return k of the present clip, where it follows the updates."""
    return grid_step(status.clip) if isinstance(status.clip, int) else msgspec.UNSET


def clip_after(
    record: StudyRecord, status: StudyStatus, exponent: int, updates: int, within: int
) -> tuple[int, Clip]:
    """Return exponent and clip after a round; both stay where the clip is fixed."""
    first = first_clip(record.privacy)
    if not (isinstance(first, int) and isinstance(status.clip, int)):
        return exponent, msgspec.UNSET
    return next_clip((record.exponent, first // FINE), exponent, status.clip, updates, within)
