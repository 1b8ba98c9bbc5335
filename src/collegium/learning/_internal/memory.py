"""Memory that stays with the process between two calls of a trainer."""

from __future__ import annotations

import numpy as np

_BLOCK = 1 << 24
"""Bytes of a block that is asked for and given back; glibc goes by at most 32 MiB."""


def keep_freed_memory() -> None:
    """Let the C library keep twice `_BLOCK` of freed memory instead of returning it.

    A round's arrays are as large as the last round's. Asked for anew, each of their pages would
    be filled with zeros by the kernel, which took a third of a small round's time. glibc raises
    its thresholds to the largest block that was freed (mallopt(3), M_MMAP_THRESHOLD); the pages
    of this one are never touched. Other C libraries are left as they are.
    """
    np.empty(_BLOCK, np.uint8)
