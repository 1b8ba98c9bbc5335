"""Work on blocks of columns, on the cores that this process may use.

Blocks are exact in themselves, so who works on which does not show in the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from collegium.cores import spread

T = TypeVar("T")


def each_block(columns: int, width: int, work: Callable[[slice], T]) -> list[T]:
    """Return what `work` makes of each block of at most `width` columns, in order."""
    blocks = [slice(first, min(first + width, columns)) for first in range(0, columns, width)]
    made: dict[int, T] = {}

    def make(place: int) -> None:
        made[place] = work(blocks[place])

    spread(len(blocks), make, len(blocks))
    return [made[place] for place in range(len(blocks))]
