"""Public random draws that every machine repeats, whatever its NumPy.

NumPy keeps the streams of its legacy `RandomState` frozen for ever (NEP 19), those of
`Generator` not; so draws that a study's seed must fix come from the former, here on top of the
counter-based Philox (Salmon et al. 2011), keyed by a hash of what the draw is for.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np


def draws(purpose: str, *parts: int | str) -> np.random.RandomState:
    """Return the stream of draws for a purpose, such as ``partition`` with a study's seed.

    Args:
        purpose: becomes the domain tag ``collegium/<purpose>/v1``.
        parts: what tells this stream from others: text, and integers within 0..2^64 - 1. One
            purpose always uses the same number and types of parts.
    """
    state = sha256(f"collegium/{purpose}/v1\0".encode())
    for part in parts:
        if isinstance(part, int):
            state.update(part.to_bytes(8, "big"))
        else:
            text = part.encode()
            state.update(len(text).to_bytes(4, "big") + text)
    return np.random.RandomState(np.random.Philox(key=int.from_bytes(state.digest()[:16], "big")))
