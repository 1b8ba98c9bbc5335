"""The included updates of one attempt, as one integer array from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation.scores import Scores
from collegium.learning.blobs import Shifted
from collegium.learning.encoding import Units


class Contribution(msgspec.Struct, frozen=True, eq=False):
    """One participant's update, checked against its round.

    Attributes:
        digest: SHA-256 of its blob.
        values: int16 [d] in ±32767, read-only.
        shift: s; coordinates are multiples of 2**s units of the encoding.
        exact: how many at the end are single units all the same.
    """

    digest: bytes
    values: NDArray[np.int16]
    shift: int = 0
    exact: int = 0

    @property
    def told(self) -> Shifted:
        """What its blob says."""
        return Shifted(self.values, self.shift, self.exact)

    @property
    def units(self) -> Units:
        """The update in units of the round's encoding, int16 or int32 [d]."""
        return self.told.units


def contribution(digest: bytes, told: Shifted) -> Contribution:
    """Return a participant's update, by what its blob says."""
    return Contribution(digest, told.values, told.shift, told.exact)


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """What a rule aggregates: n updates of d coordinates, in the order of the participant list.

    Attributes:
        values: int16 [n, d] in ±32767; update i is ``values[i] * 2**shifts[i]``. A rule that is no
            `RowRule` is given updates in units of the encoding, without shifts: int32 where 16
            bits do not hold them.
        weights: registered aggregation weights, n positive integers.
        exponent: e of the round's encoding.
        participants: the members' ids.
        digests: each update blob's SHA-256; rules break ties by it.
        scores: what validators said of the updates, for rules that are given it.
        shifts: s of each update; none where all are 0.
    """

    values: NDArray[np.signedinteger]
    weights: tuple[int, ...]
    exponent: int
    participants: tuple[str, ...]
    digests: tuple[bytes, ...]
    scores: Scores | None = None
    shifts: tuple[int, ...] = ()

    @property
    def units(self) -> NDArray[np.signedinteger]:
        """The updates in units of 2**-exponent, [n, d]: int32 where an update is shifted."""
        if not any(self.shifts):
            return self.values
        found: NDArray[np.int32] = self.values.astype(np.int32)
        found <<= np.array(self.shifts, np.int32)[:, None]
        return found
