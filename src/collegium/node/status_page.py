"""The status page of a running node, on loopback: ``/status`` as JSON, ``/metrics`` for Prometheus.

Nothing on it is secret, and it changes nothing. It answers only to names of this machine, so that
no web page elsewhere can read it through a browser.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec

from collegium.errors import NodeError
from collegium.node.config import CONFIG
from collegium.node.home import write_whole
from collegium.node.status import NodeStatus, metrics

SERVED = "status.json"
LOOPBACK = "127.0.0.1"


class StatusAddress(msgspec.Struct, frozen=True):
    """Where a running node's status page is: the content of status.json."""

    pid: int
    port: int


class StatusPage:
    """The page of a node that runs; `look` returns the status as of now."""

    def __init__(self, home: Path, port: int, look: Callable[[], NodeStatus]) -> None:
        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), _handler(look))
        except OSError as error:
            raise NodeError(
                "node.port", f"the status page cannot listen on port {port}",
                error.strerror or str(error), "choose another port in node.toml, or 0 for any",
            ) from error  # fmt: skip
        self.port: int = self._server.server_address[1]
        self._path = home / SERVED
        write_whole(self._path, msgspec.json.encode(StatusAddress(os.getpid(), self.port)))
        self._thread = Thread(target=self._server.serve_forever, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the page."""
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()


def _handler(look: Callable[[], NodeStatus]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in (LOOPBACK, "localhost"):
                self.send_error(403)
            elif self.path == "/status":
                self._answer("application/json", msgspec.json.encode(look()))
            elif self.path == "/metrics":
                text = "".join(f"{line}\n" for line in metrics(look()))
                self._answer("text/plain; version=0.0.4; charset=utf-8", text.encode())
            else:
                self.send_error(404)

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: who asks for the status is no event of the node."""

    return Handler


def ask_status(home: Path, seconds: float = 5.0) -> NodeStatus:
    """Return the status of the node that runs in a home.

    Raises:
        NodeError: none runs there, or it does not answer.
    """
    try:
        served = msgspec.json.decode((home / SERVED).read_bytes(), type=StatusAddress)
        connection = HTTPConnection(LOOPBACK, served.port, timeout=seconds)
        try:
            connection.request("GET", "/status")
            status = msgspec.json.decode(connection.getresponse().read(), type=NodeStatus)
        finally:
            connection.close()
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        absent = isinstance(error, FileNotFoundError)
        why = "none runs there" if absent else str(error) or type(error).__name__
        if absent and not (home / CONFIG).exists():
            why = f"{home} is no member's home: it has no {CONFIG}"
        raise NodeError(
            "node.not-running", f"no node answers for {home}", why,
            f"start it with `collegium node start {home}`",
        ) from error  # fmt: skip
    return status
