"""Stopping the node that runs in a home, and knowing that it has ended."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from collegium.errors import NodeError
from collegium.node.home import held
from collegium.node.status_page import ask_status
from collegium.transport.ending import end_process

WITHIN = 60.0
"""Seconds that a node has to end: it does so between two steps."""


def stop_node(home: Path) -> int:
    """Ask the node of a home to end, wait until its home is free, and return its pid.

    Raises:
        NodeError: none runs there, it is somebody else's, or it does not end.
    """
    pid = ask_status(home).pid

    def refused(why: str) -> NodeError:
        return NodeError(
            "node.stop", f"the node of {home} (pid {pid}) cannot be stopped", why,
            "stop it as whoever started it",
        )  # fmt: skip

    def goes_on(why: str) -> NodeError:
        return NodeError(
            "node.stop", f"the node of {home} (pid {pid}) does not end", why,
            "see what its node.log says last",
        )  # fmt: skip

    return end_process(pid, partial(held, home), WITHIN, refused, goes_on)
