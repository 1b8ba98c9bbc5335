"""Making new files last: a synced file still needs its name synced.

A sync waits for the disk and not for the processor, so it can go on while something is computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path


def sync_names(folder: Path) -> None:
    """Make new names survive a power cut, where folders can be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, whole and synced or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:  # on a full disk it would take the room of what comes next
        partial.unlink(missing_ok=True)
        raise
    sync_names(path.parent)


@contextmanager
def sole_user(folder: Path, busy: Callable[[], Exception]) -> Iterator[None]:
    """Hold a folder for this process alone, by the lock of a file in it.

    Raises:
        Exception: `busy`'s, where another process holds it.
    """
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, busy)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, busy: Callable[[], Exception]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; two processes in one folder are the user's care
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise busy() from error


class PendingSyncs:
    """Syncs that go on, in their order, until somebody needs them done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="syncs")
        self._begun: list[Future[None]] = []

    def begin(self, sync: Callable[[], None]) -> None:
        """Start a sync after those begun before."""
        self._begun.append(self._thread.submit(sync))

    def wait(self) -> None:
        """Return when all that was begun is done.

        Raises:
            OSError: the disk refused one of them.
        """
        begun, self._begun = self._begun, []
        for sync in begun:
            sync.result()

    def close(self) -> None:
        """Wait for what goes on and release the thread."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()
