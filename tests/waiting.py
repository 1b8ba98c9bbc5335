"""Waiting in a test until something outside of it is so."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from collegium.errors import CollegiumError


def until(there: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds; a process that does not answer yet has it not."""
    end = monotonic() + seconds
    while True:
        try:
            if there():
                return
        except CollegiumError:
            pass
        assert monotonic() < end
        sleep(0.05)
