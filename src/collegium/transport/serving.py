"""Running a sequencer: it listens on one port until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

import msgspec
from aiohttp import web

import collegium
from collegium.errors import FormatError, RunError, reason_of
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.genesis import Genesis
from collegium.ledger.keyfile import AskPassphrase
from collegium.ledger.ordering import LEDGER
from collegium.log_file import LogFile
from collegium.signals import heeded
from collegium.transport.authority import (
    CA_CERTIFICATE,
    SERVER_CERTIFICATE,
    SERVER_KEY,
    server_context,
)
from collegium.transport.door import Door, Refusals
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
from collegium.transport.renewal import WARN_DAYS, first_to_end, renewing
from collegium.transport.sequencer_status import SequencerStatus, held_home, serve_status
from collegium.transport.server import application
from collegium.transport.service import Service
from collegium.visible import visible_json

MOST_FILES = 65_536
"""Open files that are asked of the system, if it allows so many: each connection is one."""

SHUTDOWN_WITHIN = 3.0
"""Seconds that held-open questions get when it stops."""


LOOKS_WITHIN = 4.0
"""Seconds in which the sequencer says how it stands, between two of its steps."""

RENEW_EVERY, WARN_EVERY = 5.0, 86_400.0
"""Seconds between two looks at the certificate's file, and between two warnings of its end."""


class Journal:
    """What a sequencer does, one JSON object a line, in a rotated file and on standard error."""

    def __init__(self, path: Path) -> None:
        self._handlers: list[logging.Handler] = [LogFile(path), logging.StreamHandler(sys.stderr)]

    def __call__(self, event: str, /, **facts: object) -> None:
        """Note an event, from any thread."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = {"time": time, "event": event, **facts}
        line = visible_json(msgspec.json.encode(facts).decode())
        for handler in self._handlers:
            handler.handle(logging.LogRecord("sequencer", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Release the file."""
        for handler in self._handlers:
            with suppress(OSError):
                handler.close()


def run_sequencer(home: Path, ask: AskPassphrase) -> None:
    """Run the sequencer of a home until SIGTERM or SIGINT.

    Args:
        home: its home, with a genesis.
        ask: asks for the passphrase of its key, where it has one.

    Raises:
        CollegiumError: the home is not complete, does not hold together, or the port is taken.
    """
    home = home.resolve()
    read_settings(home)
    with held_home(home):
        _may_open_many_files()
        _run_alone(home, ask)


def _run_alone(home: Path, ask: AskPassphrase) -> None:
    (home / ADDRESS).unlink(missing_ok=True)  # of one that was killed
    settings = read_settings(home)
    genesis = read_ledger_identity(home)
    key = read_log_key(home, genesis, ask)
    with closing(Journal(home / LOG)) as tell:
        copy = _opened(home, genesis, tell)
        notifier = Notifier()
        service = Service(Sequencer(copy, key, notifier.ring, tell), notifier)
        relay = Relay(home / BLOBS, settings.relay.quota, tell=tell)
        refusals = Refusals(tell)
        look = partial(_status, home, service, relay, refusals)
        try:
            page = serve_status(home, settings.status.port, look)
        except OSError as error:
            service.close()
            raise RunError(
                "sequencer.port",
                f"the status page cannot listen on port {settings.status.port}",
                reason_of(error), "choose another port in sequencer.toml, or 0 for any",
            ) from error  # fmt: skip
        try:
            asyncio.run(_serve(home, settings, service, relay, copy, tell, refusals))
        finally:
            page.close()
            service.close()
        tell("stopped")


def _may_open_many_files() -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    if now != resource.RLIM_INFINITY and now < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def _opened(home: Path, genesis: Genesis, tell: Journal) -> LogCopy:
    try:
        return open_log_copy(home, genesis, lambda message: tell("warning", why=message))
    except FormatError as error:
        tell("disk fails", path=str(home / LEDGER), why=f"{error.what}: {error.why}")
        raise RunError(
            "sequencer.disk", f"{home / LEDGER} is damaged", f"{error.what}: {error.why}",
            "make another home with `sequencer init --of` and start it `--from` a member's home",
        ) from error  # fmt: skip


def _status(home: Path, service: Service, relay: Relay, refusals: Refusals) -> SequencerStatus:
    address = home / ADDRESS
    url = address.read_text("utf-8").strip() if address.exists() else ""
    found = {**service.look(LOOKS_WITHIN), "pid": os.getpid(), "url": url}
    found |= {"version": collegium.__version__, "refuses": refusals.words}
    found["disk"] = "; ".join(one for one in (str(found["disk"]), relay.disk) if one)
    first = first_to_end(_certificates(home))
    found["certificate_days"] = None if first is None else first[0]
    return msgspec.convert(found, SequencerStatus)


def _certificates(home: Path) -> tuple[Path, Path]:
    return home / TLS / SERVER_CERTIFICATE, home / TLS / CA_CERTIFICATE


async def _serve(
    home: Path, settings: Settings, service: Service, relay: Relay, copy: LogCopy, tell: Journal,
    refusals: Refusals,
) -> None:  # fmt: skip
    tls = home / TLS
    paths = (tls / SERVER_CERTIFICATE, tls / SERVER_KEY, tls / CA_CERTIFICATE)
    make = partial(server_context, *paths)
    renew = renewing(make, *paths)
    listen = settings.listen
    app = application(service, relay, MonitoredLog(copy))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_WITHIN)
    await runner.setup()
    door = Door(runner.server, make(), service.member, refusals.add)
    try:
        try:
            host, port = await door.open(listen.host, listen.port)
        except OSError as error:
            raise RunError(
                "sequencer.port", f"nobody can listen on {listen.host}, port {listen.port}",
                reason_of(error), "choose another port in sequencer.toml",
            ) from error  # fmt: skip
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        (home / ADDRESS).write_text(url + "\n", "utf-8")
        tell("listening", url=url, size=copy.size, final=copy.final_size)
        with _told_to_stop() as stopped:
            await _looking_after(_certificates(home), door, renew, stopped, tell)
    finally:
        (home / ADDRESS).unlink(missing_ok=True)
        door.close()
        await runner.cleanup()


async def _looking_after(
    certificates: Sequence[Path], door: Door, renew: Callable[[], ssl.SSLContext | None],
    stopped: asyncio.Event, tell: Journal,
) -> None:  # fmt: skip
    """Take up renewed certificates, and warn of one that ends, until told to stop."""
    warned = 0.0
    while not stopped.is_set():
        renewed = renew()
        if renewed is not None:
            door.renew(renewed)
            tell("certificate renewed", path=str(certificates[0].parent))
            warned = 0.0
        first = first_to_end(certificates)
        if first is not None and first[0] < WARN_DAYS and monotonic() > warned:
            tell("certificate ends", path=str(first[1]), days=round(first[0], 1))
            warned = monotonic() + WARN_EVERY
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), RENEW_EVERY)


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
