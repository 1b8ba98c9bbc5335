"""A page of a running process on loopback, found by ``status.json`` in its home.

Nothing on it is secret, and it changes nothing. It answers only to names of this machine, so that
no web page elsewhere can read it through a browser.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeVar

import msgspec

from collegium.errors import CollegiumError, reason_of
from collegium.ledger.durability import write_whole

SERVED = "status.json"
LOOPBACK = "127.0.0.1"
JSON, PROMETHEUS = "application/json", "text/plain; version=0.0.4; charset=utf-8"

Answer = Callable[[], bytes]
S = TypeVar("S", bound=msgspec.Struct)


class PageAddress(msgspec.Struct, frozen=True):
    """Where a running process's page is: the content of status.json."""

    pid: int
    port: int


class LoopbackPage:
    """The pages of a process, each by its path with its kind and what it says now."""

    def __init__(self, home: Path, port: int, pages: Mapping[str, tuple[str, Answer]]) -> None:
        """Serve; port 0 lets the system choose.

        Raises:
            OSError: nobody can listen there.
        """
        self._server = ThreadingHTTPServer((LOOPBACK, port), _handler(pages))
        self.port: int = self._server.server_address[1]
        self._path = home / SERVED
        write_whole(self._path, msgspec.json.encode(PageAddress(os.getpid(), self.port)))
        self._thread = Thread(target=self._server.serve_forever, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the page."""
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()


def _handler(pages: Mapping[str, tuple[str, Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in (LOOPBACK, "localhost"):
                self.send_error(403)
            elif self.path in pages:
                kind, look = pages[self.path]
                self._answer(kind, look())
            else:
                self.send_error(404)

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: who asks for the status is no event of the process."""

    return Handler


def status_pages(
    look: Callable[[], S], metrics: Callable[[S], Iterable[str]]
) -> dict[str, tuple[str, Answer]]:
    """Return ``/status``, a status as JSON, and ``/metrics``, what Prometheus reads of it."""
    return {
        "/status": (JSON, lambda: msgspec.json.encode(look())),
        "/metrics": (PROMETHEUS, lambda: "".join(f"{one}\n" for one in metrics(look())).encode()),
    }


def ask_process(
    home: Path, kind: type[S], seconds: float, silent: Callable[[str, bool], CollegiumError]
) -> S:
    """Return the status of the process that runs in a home.

    Raises:
        CollegiumError: what `silent` makes of why there is no answer, and of whether no process
            runs there.
    """
    try:
        return msgspec.json.decode(ask_page(home, "/status", seconds), type=kind)
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        absent = isinstance(error, FileNotFoundError)
        why = "none runs there" if absent else reason_of(error)
        raise silent(why, absent) from error


def page_of(home: Path) -> PageAddress:
    """Return where the page is of the process that runs in a home.

    Raises:
        OSError, msgspec.MsgspecError: none runs there.
    """
    return msgspec.json.decode((home / SERVED).read_bytes(), type=PageAddress)


def ask_page(home: Path, path: str, seconds: float) -> bytes:
    """Return what the page of the process that runs in a home says.

    Raises:
        OSError, http.client.HTTPException, msgspec.MsgspecError: none runs there, or it does not
            answer.
    """
    connection = HTTPConnection(LOOPBACK, page_of(home).port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
