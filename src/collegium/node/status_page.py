"""A running node's page on loopback: ``/status`` as JSON, ``/metrics`` for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from collegium.errors import NodeError, reason_of
from collegium.node.config import CONFIG
from collegium.node.status import NodeStatus, metrics
from collegium.transport.loopback_page import (
    LOOPBACK,
    SERVED,
    LoopbackPage,
    ask_process,
    status_pages,
)

__all__ = ["LOOPBACK", "SERVED", "StatusPage", "ask_status", "until_fetched"]

FETCHED_WITHIN = 30.0
"""Seconds in which a node that runs gets at least one of the blobs that it lacks and can have."""


class StatusPage:
    """The page of a node that runs; `look` returns the status as of now."""

    def __init__(self, home: Path, port: int, look: Callable[[], NodeStatus]) -> None:
        try:
            self._page = LoopbackPage(home, port, status_pages(look, metrics))
        except OSError as error:
            raise NodeError(
                "node.port", f"the status page cannot listen on port {port}",
                reason_of(error), "choose another port in node.toml, or 0 for any",
            ) from error  # fmt: skip
        self.port = self._page.port

    def close(self) -> None:
        """End the page."""
        self._page.close()


def ask_status(home: Path, seconds: float = 5.0) -> NodeStatus:
    """Return the status of the node that runs in a home.

    Raises:
        NodeError: none runs there, or it does not answer.
    """

    def silent(why: str, absent: bool) -> NodeError:
        if absent and not (home / CONFIG).exists():
            why = f"{home} is no member's home: it has no {CONFIG}"
        return NodeError(
            "node.not-running", f"no node answers for {home}", why,
            f"start it with `collegium node start {home}`",
        )  # fmt: skip

    return ask_process(home, NodeStatus, seconds, silent)


def until_fetched(home: Path, entries: int, seconds: float = FETCHED_WITHIN) -> None:
    """Wait while the node of a home fetches blobs that the first `entries` of its ledger name.

    A node writes an entry before it has the blobs that the entry names. Where none runs, and after
    `seconds` in which it came no nearer to having all, what is there is all there is.
    """
    until = monotonic() + seconds
    fewest: tuple[int, int] | None = None
    while monotonic() < until:
        try:
            status = ask_status(home, seconds)
        except NodeError:
            return
        lacks = max(0, entries - status.size), status.fetching_blobs
        if lacks == (0, 0):
            return
        if fewest is None or lacks < fewest:
            until, fewest = monotonic() + seconds, lacks
        sleep(0.1)
