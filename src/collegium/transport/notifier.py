"""Waking questions that are held open when something has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


class Notifier:
    """Wakes everybody who waits; it may be rung from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    async def until(self, look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
        """Return what a look finds, looking again at every ring; None when the time is up."""
        self._loop = asyncio.get_running_loop()
        end = monotonic() + seconds
        while True:
            rung = self._rung  # taken before the look, so that no ring between them is missed
            found = await look()
            left = end - monotonic()
            if found is not None or left <= 0:
                return found
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), left)
