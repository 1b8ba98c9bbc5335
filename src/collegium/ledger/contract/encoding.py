"""The exponent of a study's next round, from how much of its range the updates take."""

from __future__ import annotations

SMALL_PEAK = 8192
SMALLEST_EXPONENT, LARGEST_EXPONENT = -8, 30


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
