"""What a sequencer sends is bounded while it comes: no answer fills a member's memory."""

from __future__ import annotations

import gzip
import ssl
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from collegium.errors import RunError
from collegium.transport.client import HttpsConnection

MIB = 2**20
BOMB = gzip.compress(bytes(128 * MIB))


@contextmanager
def answering(
    headers: dict[str, str], body: bytes, times: int, lost: int = 0
) -> Iterator[HttpsConnection]:
    """Serve one answer to every question, its body repeated; the first are lost on the way."""
    questions = iter(range(lost))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if next(questions, None) is not None:
                self.close_connection = True
                return
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                for _ in range(times):
                    self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with closing(HttpsConnection(url, ssl.create_default_context())) as connection:
            yield connection
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("headers", "body", "times"),
    [
        ({"Content-Encoding": "gzip"}, BOMB, 1),
        ({"Content-Length": str(400 * MIB)}, bytes(MIB), 400),
        ({"Content-Length": "9" * 5000}, bytes(MIB), 1),
        ({}, bytes(MIB), 400),
    ],
    ids=["gzip", "announced", "absurd", "unannounced"],
)
def test_an_answer_beyond_its_limit_is_given_up_before_it_fills_the_memory(
    headers: dict[str, str], body: bytes, times: int
) -> None:
    with answering(headers, body, times) as connection:
        tracemalloc.start()
        try:
            with pytest.raises(RunError) as refused:
                connection.ask("GET", "/v1/blobs/x", most=8 * MIB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert refused.value.code == "transport.nonsense"
    assert peak < 24 * MIB


def test_an_answer_of_just_its_limit_is_read() -> None:
    with answering({"Content-Length": str(MIB)}, bytes(MIB), 1) as connection:
        assert connection.ask("GET", "/v1/blobs/x", most=MIB).data == bytes(MIB)


def test_the_limit_is_the_same_where_an_answer_is_asked_for_again() -> None:
    with answering({"Content-Length": str(MIB)}, bytes(MIB), 1, lost=1) as connection:
        assert connection.ask("GET", "/v1/blobs/x", most=MIB).data == bytes(MIB)
