"""A disk that takes no file beyond a size: the system itself refuses (RLIMIT_FSIZE).

That is what a process meets on a full disk, a quota or a broken one: an OSError where it writes.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_beyond(size: int, pid: int = 0) -> Iterator[None]:
    """Let a process, this one unless told otherwise, make no file larger than so many bytes."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
