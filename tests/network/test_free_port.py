"""A trial's port is free, and none that the system gives to whoever connects somewhere."""

from __future__ import annotations

import socket

import pytest

from collegium.network import free_port as module
from collegium.network.free_port import PORTS, free_port

HOST = "127.0.0.1"


def test_it_is_free_and_outside_of_the_range_of_connections() -> None:
    for _ in range(20):
        port = free_port(HOST)
        assert port in PORTS
        with socket.socket() as probe:
            probe.bind((HOST, port))


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        own = taken.getsockname()[1]
        monkeypatch.setattr(module, "PORTS", range(own, own + 1))
        monkeypatch.setattr(module, "TRIES", 1)
        assert free_port(HOST) != own, "the system chooses where none of ours is free"


def test_an_address_of_nobody_has_none() -> None:
    with pytest.raises(OSError, match="assign"):
        free_port("192.0.2.1")
