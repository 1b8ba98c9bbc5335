"""Ending a process that runs in a home, and knowing that it has ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic, sleep

from collegium.errors import CollegiumError, reason_of

Failed = Callable[[str], CollegiumError]
"""Makes an error of why."""


def end_process(
    pid: int, held: Callable[[], AbstractContextManager[None]], within: float, refused: Failed,
    goes_on: Failed,
) -> int:  # fmt: skip
    """Ask a process to end, wait until the home that it holds is free, and return its pid.

    Args:
        pid: the process.
        held: holds the home; fails while the process does.
        within: seconds that it has.
        refused: what is raised where it cannot be asked.
        goes_on: what is raised where it does not end in time.

    Raises:
        CollegiumError: one of the two.
    """
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError as error:
        raise refused(reason_of(error)) from error
    until = monotonic() + within
    while True:
        try:
            with held():
                return pid
        except CollegiumError as error:
            if monotonic() > until:
                raise goes_on(error.why) from error
        sleep(0.05)
