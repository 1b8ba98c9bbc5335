"""Messages between a run's processes: pickled values, and now and then an open file."""

from __future__ import annotations

import pickle
import socket
from typing import Any

_LENGTH = 8


class Channel:
    """One end of a pair of connected sockets; closed ends tell the other side."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Return the descriptor, for those who wait for messages."""
        return self._end.fileno()

    def send(self, message: object, file: int | None = None) -> None:
        """Send a value, and a file's descriptor with it if one is given.

        Raises:
            OSError: nobody is there any more.
        """
        body = pickle.dumps(message)
        head = len(body).to_bytes(_LENGTH, "little")
        if file is None:
            self._end.sendall(head + body)
        else:
            socket.send_fds(self._end, [head], [file])
            self._end.sendall(body)

    def receive(self) -> tuple[Any, int | None]:
        """Return the next value, and the descriptor that came with it, if any.

        Raises:
            EOFError: the other side is closed.
            OSError: it was torn off.
        """
        head, files, _, _ = socket.recv_fds(self._end, _LENGTH, 1)
        head += self._exactly(_LENGTH - len(head)) if head else b""
        if not head:
            raise EOFError
        body = self._exactly(int.from_bytes(head, "little"))
        return pickle.loads(body), (files[0] if files else None)  # noqa: S301 - our own process

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._end.recv(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
