"""Work on blocks of columns, on the cores that this process may use.

NumPy leaves the interpreter's lock while it works, so threads are enough. Blocks are exact in
themselves, so who works on which does not show in the result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")


def each_block(columns: int, width: int, work: Callable[[slice], T]) -> list[T]:
    """Return what `work` makes of each block of at most `width` columns, in order."""
    blocks = [slice(first, min(first + width, columns)) for first in range(0, columns, width)]
    made: dict[int, T] = {}
    places = iter(range(len(blocks)))
    helpers = min(cores(), len(blocks)) - 1
    others = [_threads().submit(_take, places, blocks, work, made) for _ in range(helpers)]
    _take(places, blocks, work, made)
    for other in others:
        if not other.cancel():
            other.result()
    return [made[place] for place in range(len(blocks))]


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _take(
    places: Iterator[int], blocks: list[slice], work: Callable[[slice], T], made: dict[int, T]
) -> None:
    for place in places:
        made[place] = work(blocks[place])


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="columns")


if hasattr(os, "register_at_fork"):  # threads do not follow into a child
    os.register_at_fork(after_in_child=_threads.cache_clear)
