"""Stopping the node that runs in a home, and knowing that it has ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic, sleep

from collegium.errors import NodeError
from collegium.node.home import held
from collegium.node.status_page import ask_status

WITHIN = 60.0
"""Seconds that a node has to end: it does so between two steps."""


def stop_node(home: Path) -> int:
    """Ask the node of a home to end, wait until its home is free, and return its pid.

    Raises:
        NodeError: none runs there, it is somebody else's, or it does not end.
    """
    pid = ask_status(home).pid
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError as error:
        raise NodeError(
            "node.stop", f"the node of {home} (pid {pid}) cannot be stopped",
            error.strerror or str(error), "stop it as whoever started it",
        ) from error  # fmt: skip
    until = monotonic() + WITHIN
    while True:
        try:
            with held(home):
                return pid
        except NodeError as error:
            if monotonic() > until:
                raise NodeError(
                    "node.stop", f"the node of {home} (pid {pid}) does not end", error.why,
                    "see what its node.log says last",
                ) from error  # fmt: skip
        sleep(0.05)
