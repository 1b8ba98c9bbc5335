"""The door of the one port: who is let in, how many of whom, and how long each stage may take.

Nobody can take what others need. Whoever has not shown a certificate yet, members, and others whom
the authority certified (auditors) have a pool of connections each. In a full pool whoever holds
most of it loses the connection that it has had longest; so only a member's own connections crowd
out that member's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import Generic, TypeVar, cast

from collegium.ledger.engines.log.sequencer import EventLog

T = TypeVar("T")

HANDSHAKE_WITHIN = 5.0
"""Seconds from a connection's beginning to the end of TLS's handshake."""
HEADER_WITHIN = 10.0
"""Seconds from a question's first byte to the end of its header; its body: `server._body`."""
IDLE_WITHIN = 90.0
"""Seconds for which a connection may lie unused."""
WRITE_WITHIN = 30.0
"""Seconds for which somebody may not take what it has asked for."""
LOOK_EVERY = 0.25

REFUSED_FOR = 60.0
"""Seconds for which nothing more is told of certificates that are refused for one reason."""

SHAKING, A_MEMBER, AN_AUDITOR, AUDITORS = 256, 32, 4, 32
"""Connections at once: without a certificate yet in all; of each member; of each auditor's
certificate, and of all auditors together."""

_NEW, _HEADER, _BUSY = range(3)


class Pool(Generic[T]):
    """What several parties hold at once: so much each, so much in all."""

    def __init__(self, each: int | None, most: int | None) -> None:
        self._each, self._most = each, most
        self._held: dict[str, dict[T, None]] = {}

    def add(self, who: str, item: T) -> T | None:
        """Take something in; return what had to go for it, or None."""
        mine = self._held.setdefault(who, {})
        mine[item] = None
        if self._each is not None and len(mine) > self._each:
            return self._oldest_of(who)
        if self._most is not None and sum(map(len, self._held.values())) > self._most:
            return self._oldest_of(max(self._held, key=lambda one: len(self._held[one])))
        return None

    def _oldest_of(self, who: str) -> T:
        oldest = next(iter(self._held[who]))
        self.remove(who, oldest)
        return oldest

    def remove(self, who: str, item: T) -> None:
        """Forget something."""
        held = self._held.get(who, {})
        held.pop(item, None)
        if not held:
            self._held.pop(who, None)

    def __iter__(self) -> Iterator[T]:
        return iter([one for held in self._held.values() for one in held])


class Refusals:
    """Certificates that were refused of late: why, and whose connections they were."""

    def __init__(self, tell: EventLog, clock: Callable[[], float] = monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._last: dict[str, tuple[float, str]] = {}

    def add(self, why: str, who: str) -> None:
        """Note one; a reason is told once a minute, however many are refused for it."""
        before, now = self._last.get(why, (-REFUSED_FOR, ""))[0], self._clock()
        if now >= before + REFUSED_FOR:
            self._tell("certificate refused", why=why, address=who)
            self._last[why] = now, who

    @property
    def words(self) -> str:
        """What was refused within two minutes, by reason and address, or empty."""
        since = self._clock() - 2 * REFUSED_FOR
        recent = sorted((why, who) for why, (at, who) in self._last.items() if at >= since)
        return "; ".join(f"{why}, from {who}" for why, who in recent)


class Line(asyncio.Protocol):
    """One connection that is watched on its way to the protocol that answers it."""

    def __init__(self, inner: asyncio.Protocol, door: Door) -> None:
        self._inner, self._door = inner, door
        self._stage, self._since = _NEW, monotonic()
        self._unsent = 0
        self.transport: asyncio.Transport | None = None
        self.who = ""

    def busy(self) -> None:
        """Note that a question's header is whole."""
        self._stage = _BUSY

    def answered(self) -> None:
        """Note that a question has its answer."""
        self._stage, self._since = _NEW, monotonic()

    def is_late(self, now: float) -> bool:
        """Return whether the stage where it is takes too long.

        What lies unsent is looked at here: while a file is sent, asyncio tells another protocol.
        """
        unsent = 0 if self.transport is None else self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._since = unsent, now
        if unsent:
            return now > self._since + WRITE_WITHIN
        within = {_NEW: IDLE_WITHIN, _HEADER: HEADER_WITHIN}.get(self._stage)
        return within is not None and now > self._since + within

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in: its certificate is known."""
        self.transport = cast(asyncio.Transport, transport)
        self._door.enter(self, self.transport)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what came, and note when a question begins."""
        if self._stage == _NEW:
            self._stage, self._since = _HEADER, monotonic()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that nothing else comes."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the other side takes no more now."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that it does."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up its place."""
        self._door.leave(self)
        self._inner.connection_lost(exc)


class Door:
    """Listens and lets in.

    Args:
        make: returns the protocol that answers another connection.
        context: TLS that asks for a certificate.
        member: returns the present member that a verified certificate names, or None.
        refused: is told why a certificate was refused, and of which address.
    """

    def __init__(
        self, make: Callable[[], asyncio.Protocol] | None, context: ssl.SSLContext,
        member: Callable[[object], str | None],
        refused: Callable[[str, str], None] = lambda why, who: None,
    ) -> None:  # fmt: skip
        if make is None:
            raise ValueError("set the runner up before its door")
        self._make, self._context, self._member = make, context, member
        self._refused = refused
        self._shaking: Pool[asyncio.Task[None]] = Pool(None, SHAKING)
        self._members: Pool[Line] = Pool(A_MEMBER, None)
        self._auditors: Pool[Line] = Pool(AN_AUDITOR, AUDITORS)
        self._listeners: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Listen on every address of a host; return the first address and its port.

        Raises:
            OSError: the host is unknown, or the port is taken.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, address in dict.fromkeys((one[0], one[4]) for one in found):
                listener = socket.socket(family, socket.SOCK_STREAM)
                self._listeners.append(listener)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(address)
                listener.listen(128)
                listener.setblocking(False)
        except OSError:
            self.close()
            raise
        self._tasks = [loop.create_task(self._accept(one)) for one in self._listeners]
        self._tasks.append(loop.create_task(self._watch()))
        name = self._listeners[0].getsockname()
        return str(name[0]), int(name[1])

    def close(self) -> None:
        """Let nobody else in."""
        for task in (*self._tasks, *self._shaking):
            task.cancel()
        for listener in self._listeners:
            listener.close()
        self._tasks, self._listeners = [], []

    def renew(self, context: ssl.SSLContext) -> None:
        """Let in by another context from now on; who came by the old one comes again."""
        self._context = context
        for line in (*self._members, *self._auditors):
            if line.transport is not None:
                line.transport.abort()

    def enter(self, line: Line, transport: asyncio.Transport) -> None:
        """Give a connection its place, at the cost of another of whoever holds most."""
        member = self._member(transport.get_extra_info("peercert"))
        line.who = certificate_of(transport) if member is None else member
        pool = self._auditors if member is None else self._members
        gone = pool.add(line.who, line)
        if gone is not None and gone.transport is not None:
            gone.transport.abort()

    def leave(self, line: Line) -> None:
        """Take a connection's place back."""
        self._members.remove(line.who, line)
        self._auditors.remove(line.who, line)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                plain, address = await loop.sock_accept(listener)
            except OSError:  # no file handle is left, or whoever came has gone
                await asyncio.sleep(LOOK_EVERY)
                continue
            who = str(address[0])
            task = loop.create_task(self._shake(plain, who))
            gone = self._shaking.add(who, task)
            task.add_done_callback(partial(self._shaking.remove, who))
            if gone is not None:
                gone.cancel()
            await asyncio.sleep(0)  # so that it has begun before it may have to go

    async def _shake(self, plain: socket.socket, who: str) -> None:
        """Come through TLS's handshake; whoever does not is forgotten."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Line(self._make(), self), plain, ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_WITHIN, ssl_shutdown_timeout=HANDSHAKE_WITHIN,
            )  # fmt: skip
        except ssl.SSLCertVerificationError as error:
            self._refused(error.verify_message, who)
        except OSError:
            return

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = monotonic()
            for line in (*self._members, *self._auditors):
                if line.is_late(now) and line.transport is not None:
                    line.transport.abort()


def certificate_of(transport: asyncio.BaseTransport) -> str:
    """Return what tells a peer's certificate from others: its SHA-256 in hex."""
    tls = transport.get_extra_info("ssl_object")
    found = None if tls is None else tls.getpeercert(binary_form=True)
    return sha256(found or b"").hexdigest()
