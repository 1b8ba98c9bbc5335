"""The order of a site's rows in an epoch, from the study's seed, the site and the round.

Only raw words of a counter-based generator are used (Salmon, Moraes, Dror and Shaw, "Parallel
Random Numbers: As Easy as 1, 2, 3", SC 2011), so that a simulation and real nodes agree whatever
their NumPy. The order is public: it protects nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def site_keys(seed: int, sites: Sequence[tuple[str, int]]) -> NDArray[np.uint64]:
    """Return a Philox key for each (site, round): uint64 [S, 2]."""
    digests = [
        hashlib.sha256(f"collegium/shuffle/v1\0{seed}\0{turn}\0{site}".encode()).digest()[:16]
        for site, turn in sites
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64).reshape(-1, 2)


def epoch_orders(
    keys: NDArray[np.uint64], rows: NDArray[np.int64], epoch: int, width: int
) -> NDArray[np.int64]:
    """Return each site's permutation of its rows in an epoch, padded: int64 [S, width].

    The first rows[s] entries of line s are a permutation of 0 .. rows[s] - 1; what follows is
    at least rows[s].

    Args:
        keys: uint64 [S, 2] of `site_keys`.
        rows: int64 [S], each at most `width` and under 2**32.
        epoch: starts a stream of its own.
        width: common length of the lines.
    """
    generator = np.random.Philox(key=0)
    state = generator.state
    counter_and_key: Any = state["state"]
    counter_and_key["counter"] = [0, 0, 0, epoch]
    lines = []
    for key in keys.tolist():
        counter_and_key["key"] = key
        generator.state = state
        lines.append(generator.random_raw(width))
    words = np.concatenate(lines).reshape(len(keys), width)
    words[np.arange(width) >= rows[:, None]] = np.iinfo(np.uint64).max
    # Sorting words that end in their own position sorts rows by 32 random bits.
    words >>= np.uint64(32)
    words <<= np.uint64(32)
    words |= np.arange(width, dtype=np.uint64)
    words.sort(axis=1)
    words &= np.uint64(0xFFFFFFFF)
    return words.astype(np.int64)
