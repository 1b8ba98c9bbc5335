"""Checking many signatures at once, on the cores that this process may use.

A signature holds or not whatever the state is, so a block's are checked before its transactions
are applied. libsodium works outside of the interpreter's lock, so threads are enough.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from collegium.ledger.keys import signature_holds

Check = tuple[bytes, bytes, bytes]
"""Public key, message, signature."""

FEWEST = 4
"""Signatures below which another thread costs more than it saves."""


def signatures_hold(checks: Sequence[Check]) -> list[bool]:
    """Return for each check, in order, whether its signature holds (rule of `keys`)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shares = min(cores or 1, len(checks) // FEWEST)
    if shares < 2:
        return _in_turn(checks)
    size = -(-len(checks) // shares)
    rest = [checks[start : start + size] for start in range(size, len(checks), size)]
    others = [_threads().submit(_in_turn, share) for share in rest]
    held = _in_turn(checks[:size])
    for other in others:
        held += other.result()
    return held


def _in_turn(checks: Sequence[Check]) -> list[bool]:
    return [signature_holds(*check) for check in checks]


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="signatures")


if hasattr(os, "register_at_fork"):  # threads do not follow into a child
    os.register_at_fork(after_in_child=_threads.cache_clear)
