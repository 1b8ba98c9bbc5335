"""Work spread over the cores that this process may use.

NumPy and libsodium leave the interpreter's lock while they work, so threads are enough. What is
spread must not depend on who does which part, or in which order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux tells a container how much processor time it may use in a period."""


def cores() -> int:
    """Return how many cores this process may use: those it may run on, within its quota."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _quota(QUOTA))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _quota(file: Path) -> int:
    """Return for how many cores a quota of processor time is enough, at least one."""
    try:
        time, period = file.read_text("ascii").split()
        return max(1, -(-int(time) // int(period)))
    except (OSError, ValueError):  # none, or "max"
        return 1 << 16


def spread(count: int, work: Callable[[int], None], helpers: int) -> None:
    """Do parts 0 to `count` - 1 of some work.

    Threads take the next part as they get to it, so that a core with other work to do delays
    nobody by more than one.

    Args:
        count: how many parts there are.
        work: does a part.
        helpers: threads besides this one at most; there are never more than cores or parts.
    """
    places = iter(range(count))
    wanted = min(helpers, cores() - 1, count - 1)
    others = [_threads().submit(_take, places, work) for _ in range(wanted)]
    _take(places, work)
    for other in others:
        if not other.cancel():
            other.result()


def _take(places: Iterator[int], work: Callable[[int], None]) -> None:
    for place in places:
        work(place)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="cores")


if hasattr(os, "register_at_fork"):  # threads do not follow into a child
    os.register_at_fork(after_in_child=_threads.cache_clear)
