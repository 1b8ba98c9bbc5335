"""Running a sequencer: it listens on one port until it is told to stop."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec
from aiohttp import web

from collegium.errors import RunError
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.keyfile import AskPassphrase
from collegium.signals import heeded
from collegium.transport.authority import (
    CA_CERTIFICATE,
    SERVER_CERTIFICATE,
    SERVER_KEY,
    server_context,
)
from collegium.transport.door import Door
from collegium.transport.home import (
    ADDRESS,
    BLOBS,
    LOG,
    TLS,
    Settings,
    read_ledger_identity,
    read_log_key,
    read_settings,
)
from collegium.transport.monitoring import MonitoredLog
from collegium.transport.notifier import Notifier
from collegium.transport.relay import Relay
from collegium.transport.server import application
from collegium.transport.service import Service

MOST_FILES = 65_536
"""Open files that are asked of the system, if it allows so many: each connection is one."""

SHUTDOWN_WITHIN = 3.0
"""Seconds that held-open questions get when it stops."""


class Journal:
    """What a sequencer does, one JSON object a line, in a file and on standard error."""

    def __init__(self, *outputs: TextIO) -> None:
        self._outputs = outputs

    def __call__(self, event: str, /, **facts: object) -> None:
        """Note an event."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = msgspec.json.encode({"time": time, "event": event, **facts}).decode()
        for output in self._outputs:
            print(line, file=output, flush=True)


def run_sequencer(home: Path, ask: AskPassphrase) -> None:
    """Run the sequencer of a home until SIGTERM or SIGINT.

    Args:
        home: its home, with a genesis.
        ask: asks for the passphrase of its key, where it has one.

    Raises:
        CollegiumError: the home is not complete, does not hold together, or the port is taken.
    """
    home = home.resolve()
    _may_open_many_files()
    (home / ADDRESS).unlink(missing_ok=True)  # of one that was killed
    settings = read_settings(home)
    genesis = read_ledger_identity(home)
    key = read_log_key(home, genesis, ask)
    with (home / LOG).open("a", encoding="utf-8") as file:
        tell = Journal(file, sys.stderr)
        copy = open_log_copy(home, genesis, lambda message: tell("warning", why=message))
        notifier = Notifier()
        service = Service(Sequencer(copy, key, notifier.ring, tell), notifier)
        try:
            asyncio.run(_serve(home, settings, service, copy, tell))
        finally:
            service.close()
        tell("stopped")


def _may_open_many_files() -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    if now != resource.RLIM_INFINITY and now < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


async def _serve(
    home: Path, settings: Settings, service: Service, copy: LogCopy, tell: Journal
) -> None:
    tls = home / TLS
    context = server_context(tls / SERVER_CERTIFICATE, tls / SERVER_KEY, tls / CA_CERTIFICATE)
    listen = settings.listen
    app = application(service, Relay(home / BLOBS, settings.relay.quota), MonitoredLog(copy))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_WITHIN)
    await runner.setup()
    door = Door(runner.server, context, service.member)
    try:
        try:
            host, port = await door.open(listen.host, listen.port)
        except OSError as error:
            raise RunError(
                "sequencer.port", f"nobody can listen on {listen.host}, port {listen.port}",
                error.strerror or str(error), "choose another port in sequencer.toml",
            ) from error  # fmt: skip
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        (home / ADDRESS).write_text(url + "\n", "utf-8")
        tell("listening", url=url, size=copy.size, final=copy.final_size)
        with _told_to_stop() as stopped:
            await stopped.wait()
    finally:
        (home / ADDRESS).unlink(missing_ok=True)
        door.close()
        await runner.cleanup()


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Yield what SIGTERM and SIGINT set, unless they are ignored."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    numbers = heeded("SIGTERM", "SIGINT")
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
