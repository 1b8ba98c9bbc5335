"""Orders in which ties fall by update digest, so that the list of participants does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any


def ranked(scores: Sequence[Any], keys: Sequence[bytes]) -> list[int]:
    """Return the indices by score, lowest first, and by key where scores are equal."""
    return sorted(range(len(keys)), key=lambda index: (scores[index], keys[index]))


def middle(values: Sequence[int]) -> int:
    """Return the lower median: of an even number, the lower one of the two in the middle.

    With fewer than half of the values bad, it is at most some honest value and at least another.
    """
    return sorted(values)[(len(values) - 1) // 2]


def public_seed(purpose: str, keys: Sequence[bytes]) -> bytes:
    """Return a seed that all updates together fix, so that nobody knew it who chose one of them.

    Whoever reveals last could still hold back an update and so choose between two seeds.
    """
    state = sha256(f"collegium/{purpose}/v1\0".encode())
    for key in sorted(keys):
        state.update(len(key).to_bytes(4, "big") + key)
    return state.digest()
