"""The socket on which CometBFT asks its application: four connections, requests in order.

Threads read; whoever owns the state takes requests one by one and answers them. So nobody reads a
state while a block is executed, and the application needs no lock. A connection that says
something else than requests is closed: CometBFT then stops, as it must.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from collegium.errors import FormatError, NodeError
from collegium.ledger.engines.cometbft.abci import Flush, Request, Response, decode_request
from collegium.ledger.engines.cometbft.protobuf import delimited

LONGEST_PATH = 107
"""Bytes of a unix socket's path (`sockaddr_un`)."""

LONGEST_REQUEST = 128 * 2**20
"""Bytes; a block of CometBFT has at most 100 MiB."""

SENDS_WITHIN = 30.0
"""Seconds within which CometBFT, on the same machine, takes an answer."""


class Connection:
    """One of CometBFT's connections."""

    def __init__(self, stream: socket.socket) -> None:
        self.open = True
        self._stream = stream
        self._waiting = bytearray()

    def read(self) -> Request | None:
        """Return the next request, None at the end.

        Raises:
            FormatError: it is none.
            OSError: the connection fails.
        """
        length = self._length()
        if length is None or length > LONGEST_REQUEST:
            return None
        data = bytearray(length)
        view, got = memoryview(data), 0
        while got < length:
            more = self._stream.recv_into(view[got:])
            if not more:
                return None
            got += more
        return decode_request(bytes(data))

    def _length(self) -> int | None:
        value = shift = 0
        while shift < 35:
            byte = self._stream.recv(1)
            if not byte:
                return None
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value
            shift += 7
        return None

    def answer(self, response: Response, *, now: bool) -> None:
        """Answer the oldest request that has no answer; it is sent when CometBFT wants it `now`."""
        self._waiting += delimited(response.encode())
        if now and self.open:
            data, self._waiting = self._waiting, bytearray()
            try:
                self._stream.sendall(data)
            except OSError:
                self.close()

    def close(self) -> None:
        """End it."""
        self.open = False
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()


class Listener:
    """The socket. `take` and `answer` are for one thread."""

    def __init__(self, path: Path) -> None:
        """Listen.

        Raises:
            NodeError: the path is too long, or cannot be had.
        """
        require_short(path)
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen(8)
        except OSError as error:
            self._socket.close()
            raise NodeError(
                "cometbft.socket", f"{path} cannot be listened on", str(error),
                "let the node write into its home, or move the home to a disk that has sockets",
            ) from error  # fmt: skip
        self._asked: SimpleQueue[tuple[Connection, Request] | None] = SimpleQueue()
        self._connections: list[Connection] = []
        Thread(target=self._accept, name="abci", daemon=True).start()

    def take(self, wait: float) -> tuple[Connection, Request] | None:
        """Return the next request and on which connection, or None if none comes in time."""
        try:
            return self._asked.get(timeout=max(0.0, wait)) if wait > 0 else self._asked.get_nowait()
        except Empty:
            return None

    def close(self) -> None:
        """End all connections and listen no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in self._connections:
            one.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._socket.accept()
            except OSError:
                return
            limit = int(SENDS_WITHIN).to_bytes(8, "little") + bytes(8)  # struct timeval
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            connection = Connection(stream)
            self._connections = [*(one for one in self._connections if one.open), connection]
            Thread(target=self._read, args=(connection,), name="abci", daemon=True).start()

    def _read(self, connection: Connection) -> None:
        with suppress(OSError, FormatError):
            while (request := connection.read()) is not None:
                self._asked.put((connection, request))
        connection.close()
        self._asked.put(None)  # whoever waits for something on it waits no longer


def require_short(path: Path) -> None:
    """Refuse a socket's path that the system cannot take.

    Raises:
        NodeError: it is too long.
    """
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise NodeError(
            "cometbft.socket", f"{path} cannot be a socket",
            f"its path has {length} bytes, and the system takes {LONGEST_PATH}",
            "move the home to a folder with a shorter path",
        )  # fmt: skip


def is_flush(request: Request) -> bool:
    """Return whether a request asks for all answers so far."""
    return isinstance(request, Flush)
