"""A port that nobody listens on now; it stays the sequencer's over its restarts.

The system gives the ports of its own range to whoever connects to somewhere, so that one of them is
soon somebody else's while the sequencer is down. A port below that range is not.
"""

from __future__ import annotations

import socket
from random import SystemRandom

PORTS = range(20_000, 30_000)
"""Below the ranges from which Linux (32768) and others (49152) take ports for connections."""

TRIES = 100


def free_port(host: str) -> int:
    """Return a free TCP port of an address.

    Raises:
        OSError: none can be had there.
    """
    for port in SystemRandom().sample(PORTS, TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        last: int = probe.getsockname()[1]
    return last
