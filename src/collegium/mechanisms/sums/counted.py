"""Vectors of counts under masks: how a site's enter the ring, and what a sum of them stands for.

They have the form of masked updates (docs/spec page 13), in the ring of 64 bits, with exponent 0.
The two coordinates behind the counts say that a site is there, 1, and whether it had to cut a count
to its registered range; docs/spec page 19.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collegium.secrecy.masked import INDICATORS
from collegium.secrecy.masking import RingVector, ring_type, signed
from collegium.secrecy.secure_sum import Adding, SumFailure
from collegium.secrecy.sums import InconsistentSum, SumInputs

RING = 64
"""Bits of the ring: room for the largest counts of the most sites."""

Counts = NDArray[np.int64]


def counted(counts: Counts, largest: Counts) -> RingVector:
    """Return a site's counts as they enter a sum.

    Args:
        counts: int64 [m].
        largest: of each, int64 [m]; 0 is the least.
    """
    within = np.clip(counts, 0, largest)
    vector = np.empty(counts.size + INDICATORS, ring_type(RING))
    vector[:-INDICATORS] = within
    vector[-2:] = 1, not np.array_equal(within, counts)
    return vector


def total_counts(
    protocol: Adding, sealed: SumInputs, largest: Counts
) -> Counts | SumFailure | InconsistentSum:
    """Return what hidden counts add up to, int64 [m], or why that is nothing.

    Args:
        protocol: that hides them.
        sealed: what the ledger and its blobs hold.
        largest: of each count of one site, int64 [m].

    Raises:
        FormatError: a blob is malformed.
    """
    vector = protocol.total(
        sealed.agreement, largest.size, sealed.hidden, sealed.deals, sealed.posted
    )
    if isinstance(vector, SumFailure):
        return vector
    found, sites = signed(vector), len(sealed.hidden)
    counts, (there, cut) = found[:-INDICATORS], found[-INDICATORS:]
    if there != sites or not 0 <= cut <= sites:
        return InconsistentSum("range")
    if (counts < 0).any() or (counts > largest * sites).any():
        return InconsistentSum("range")
    return counts
