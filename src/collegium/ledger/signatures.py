"""Checking many signatures at once, on the cores that this process may use.

A signature holds or not whatever the state is, so a block's are checked before its transactions
are applied. libsodium works outside of the interpreter's lock, so threads are enough.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from collegium.ledger.keys import signature_holds

Check = tuple[bytes, bytes, bytes]
"""Public key, message, signature."""

FEWEST = 6
"""Signatures below which another thread costs more than it saves."""


def signatures_hold(checks: Sequence[Check]) -> list[bool]:
    """Return for each check, in order, whether its signature holds (rule of `keys`).

    Threads take the next check as they get to it, so that a core with other work to do delays
    nobody by more than one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    held = [False] * len(checks)
    places = iter(range(len(checks)))
    helpers = min((cores or 1) - 1, len(checks) // FEWEST)
    others = [_threads().submit(_take, places, checks, held) for _ in range(helpers)]
    _take(places, checks, held)
    for other in others:
        if not other.cancel():
            other.result()
    return held


def _take(places: Iterator[int], checks: Sequence[Check], held: list[bool]) -> None:
    for place in places:
        held[place] = signature_holds(*checks[place])


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="signatures")


if hasattr(os, "register_at_fork"):  # threads do not follow into a child
    os.register_at_fork(after_in_child=_threads.cache_clear)
