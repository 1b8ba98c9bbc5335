"""The included updates of one attempt, as one integer array from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.learning.aggregation.scores import Scores


class Contribution(msgspec.Struct, frozen=True, eq=False):
    """One participant's update, checked against its round.

    Attributes:
        digest: SHA-256 of its blob.
        values: int16 [d] in ±32767, read-only.
    """

    digest: bytes
    values: NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """What a rule aggregates: n updates of d coordinates, in the order of the participant list.

    Attributes:
        values: int16 [n, d] in ±32767, units of 2**-exponent.
        weights: registered aggregation weights, n positive integers.
        exponent: e of the round's encoding.
        participants: the members' ids.
        digests: each update blob's SHA-256; rules break ties by it.
        scores: what validators said of the updates, for rules that are given it.
    """

    values: NDArray[np.int16]
    weights: tuple[int, ...]
    exponent: int
    participants: tuple[str, ...]
    digests: tuple[bytes, ...]
    scores: Scores | None = None
