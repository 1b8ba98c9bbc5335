"""A port that nobody listens on now; it stays the sequencer's over its restarts."""

from __future__ import annotations

import socket


def free_port(host: str) -> int:
    """Return a free TCP port of an address, as the system chooses it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
