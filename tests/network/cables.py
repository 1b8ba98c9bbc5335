"""The way between each member and the sequencer, as something a test can cut and listen to.

A cable listens on loopback as the sequencer would, and passes on what it hears as the member
would: it ends the TLS of both, with the files that a trial's homes hold, and keeps what went
either way. Cut, it drops what goes on and accepts nothing; clogged, it passes nothing on until
it is mended, and nothing is lost; lossy, it loses what comes, and the connections stay.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from collegium.network.record import NetworkRecord, home_of
from collegium.transport.authority import server_context

HOST, PIECE = "127.0.0.1", 65536


@dataclass(slots=True)
class Talk:
    """One connection: what the member said, and what it was answered, as far as it was heard."""

    said: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)


class Cable:
    """One member's cable. Its methods but `run` may be called from any thread."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext, port: int) -> None:
        self.talks: list[Talk] = []
        self.port = 0
        self._server, self._client, self._sequencer = server, client, port
        self._whole, self._flows = True, asyncio.Event()
        self._flows.set()
        self._loses = False
        self.lost = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def open(self) -> asyncio.Server:
        """Listen on a free port."""
        listener = await asyncio.start_server(self._carry, HOST, 0, ssl=self._server)
        self.port = listener.sockets[0].getsockname()[1]
        return listener

    def cut(self) -> None:
        """Drop every connection, and every one that is begun until it is mended."""
        self._loop.call_soon_threadsafe(self._cut)

    def clog(self) -> None:
        """Pass nothing on until it is mended, as a network does that loses every packet."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def lose(self) -> None:
        """Lose what comes until it is mended, as a router does that has forgotten a connection."""
        self._loses = True

    def mend(self) -> None:
        """Carry again."""
        self._loop.call_soon_threadsafe(self._mend)

    def end(self) -> None:
        """Drop every connection for good."""
        self._cut()

    def _cut(self) -> None:
        self._whole = False
        for task in self._tasks:
            task.cancel()

    def _mend(self) -> None:
        self._whole, self._loses = True, False
        self._flows.set()

    async def _carry(self, member: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        forth: asyncio.StreamWriter | None = None
        try:
            if not self._whole:
                return
            answers, forth = await asyncio.open_connection(
                HOST, self._sequencer, ssl=self._client, server_hostname=HOST
            )
            talk = Talk()
            self.talks.append(talk)
            ways = {
                asyncio.create_task(self._pass(member, forth, talk.said)),
                asyncio.create_task(self._pass(answers, back, talk.answered)),
            }
            self._tasks |= ways
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._tasks -= ways
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the sequencer is away, or the cable was cut
        finally:
            self._tasks.discard(task)
            for writer in (forth, back):
                if writer is not None:
                    writer.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, kept: bytearray
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(PIECE):
                await self._flows.wait()
                if self._loses:
                    self.lost += len(data)
                    continue
                kept += data
                target.write(data)
                await target.drain()


@contextmanager
def cables(folder: Path, record: NetworkRecord) -> Iterator[Mapping[str, Cable]]:
    """Put a cable between each member of a trial that does not run yet and its sequencer."""
    port = urlsplit(record.url).port
    assert port is not None
    loop = asyncio.new_event_loop()
    made: dict[str, Cable] = {}
    listeners: list[asyncio.Server] = []

    async def begin() -> None:
        tls = folder / "sequencer" / "tls"
        server = server_context(tls / "server.pem", tls / "server.key", tls / "ca.pem")
        for member in record.members:
            made[member] = Cable(server, _as_member(home_of(folder, member) / "tls"), port)
            listeners.append(await made[member].open())

    async def finish() -> None:
        for listener in listeners:
            listener.close()
        for cable in made.values():
            cable.end()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    thread = Thread(target=loop.run_forever, name="cables", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
        for member, cable in made.items():
            change_settings(folder, member, record.url, f"https://{HOST}:{cable.port}")
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(finish(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def change_settings(folder: Path, member: str, before: str, after: str) -> None:
    """Change a member's node.toml."""
    path = home_of(folder, member) / "node.toml"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def _as_member(tls: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls / "ca.pem")
    context.load_cert_chain(tls / "client.pem", tls / "client.key")
    return context
