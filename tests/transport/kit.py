"""A sequencer that really listens on loopback with TLS, in a thread, and members that ask it."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from tests.ledger.contract.kit import four_equals
from tests.ledger.engines.log.kit import LOG_KEY, Consortium, tell_nobody

from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.transport.authority import (
    certify_server,
    create_authority,
    request_client,
    server_context,
    sign_request,
)
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.door import Door
from collegium.transport.monitoring import MonitoredLog
from collegium.transport.notifier import Notifier
from collegium.transport.relay import Relay
from collegium.transport.server import application
from collegium.transport.service import Service


def certify_member(authority: Path, tls: Path, member: str) -> None:
    """Let a member make its key in a folder, and put there what the authority signs of it."""
    sign_request(authority, tls, member, request_client(tls, member).read_bytes())


@dataclass(frozen=True, slots=True)
class At:
    """Where the sequencer is, as a member's settings say it; it satisfies `client.Address`."""

    url: str
    ca: str = "ca.pem"
    certificate: str = "client.pem"
    key: str = "client.key"
    proxy: str | None = None


@dataclass(slots=True)
class Port:
    """A port that is served: whose sequencer, where, and with which authority."""

    folder: Path
    us: Consortium
    sequencer: Sequencer
    url: str
    door: Door
    service: Service
    opened: list[HttpsConnection] = field(default_factory=list)

    def slow_down(self, held: threading.Event) -> None:
        """Keep the sequencer from answering anything until an event is set."""
        self.service._thread.submit(held.wait, 30)

    def connection(self, member: str, authority: str = "authority") -> HttpsConnection:
        """Return a connection of a member with a certificate of its own."""
        tls = self.folder / "clients" / f"{authority}-{member}"
        if not tls.exists():
            certify_member(self.folder / authority, tls, member)
        self.opened.append(connect(tls, At(self.url)))
        return self.opened[-1]


@contextmanager
def served(folder: Path, home: str = "sequencer") -> Iterator[Port]:
    """Serve a sequencer on a free port until the block ends."""
    authority = folder / "authority"
    if not authority.exists():
        create_authority(authority, "test")
        certify_server(authority, folder / "tls", ["127.0.0.1", "localhost"])
    us = Consortium(folder / "homes", four_equals())
    copy = open_log_copy(us.home(home), us.world.genesis, us.warnings.append)
    notifier = Notifier()
    sequencer = Sequencer(copy, LOG_KEY, notifier.ring, tell_nobody)
    service = Service(sequencer, notifier)
    app = application(service, Relay(folder / "blobs"), MonitoredLog(copy))
    tls = folder / "tls"
    context = server_context(tls / "server.pem", tls / "server.key", tls / "ca.pem")
    started, loop = threading.Event(), asyncio.new_event_loop()
    stopped = asyncio.Event()
    urls: list[str] = []
    doors: list[Door] = []

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        door = Door(runner.server, context, service.member)
        doors.append(door)
        host, number = await door.open("127.0.0.1", 0)
        urls.append(f"https://{host}:{number}")
        started.set()
        await stopped.wait()
        door.close()
        await runner.cleanup()
        await asyncio.sleep(0.1)  # for the last words of TLS

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(30)
        port = Port(folder, us, sequencer, urls[0], doors[0], service)
        yield port
        for connection in port.opened:
            connection.close()
        us.close()
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)
        loop.close()
        service.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # asyncio forgets to close what fails in TLS's handshake
