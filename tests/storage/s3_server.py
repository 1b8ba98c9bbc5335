"""A small S3 server on the loopback interface that fails as it is told, for tests.

It knows what the object-store library asks of one bucket: HEAD, GET with ranges, PUT, uploads in
parts, DELETE. Signatures are not checked; the real server in `seaweed.py` does that.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DATE = "Tue, 01 Jan 2030 00:00:00 GMT"


@dataclass
class Bucket:
    """What the server holds, what it was asked, and how it is to fail.

    `faults` are met in order by requests of their method: a status to answer with, or ``cut``: the
    connection breaks off in the middle of the answer's body.
    """

    address: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: dict[str, deque[int | str]] = field(default_factory=dict)

    def fail(self, method: str, *faults: int | str) -> None:
        """Let the next requests of a method fail, one after the other."""
        self.faults[method] = deque(faults)


class Handler(BaseHTTPRequestHandler):
    """One request; the bucket hangs on the server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.serve(whole=True)

    def do_HEAD(self) -> None:
        self.serve(whole=False)

    def do_PUT(self) -> None:
        key, query, body = self.question()
        if self.has_failed("PUT"):
            return
        if "uploadId" in query:
            self.bucket.uploads[query["uploadId"][0]][int(query["partNumber"][0])] = body
        else:
            self.bucket.objects[key] = body
        self.answer(200, b"", ETag=f'"{md5(body, usedforsecurity=False).hexdigest()}"')

    def do_POST(self) -> None:
        key, query, body = self.question()
        if self.has_failed("POST"):
            return
        if "uploads" in query:
            name = f"upload-{len(self.bucket.uploads)}"
            self.bucket.uploads[name] = {}
            self.answer(200, xml("InitiateMultipartUploadResult", "UploadId", name))
        elif "uploadId" in query:
            parts = self.bucket.uploads.pop(query["uploadId"][0])
            self.bucket.objects[key] = b"".join(parts[number] for number in sorted(parts))
            self.answer(200, xml("CompleteMultipartUploadResult", "ETag", '"whole"'))
        else:
            deleted = re.findall(r"<Key>([^<]*)</Key>", body.decode())
            for name in deleted:
                self.bucket.objects.pop(f"/bucket/{name}", None)
            told = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in deleted)
            self.answer(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    def do_DELETE(self) -> None:
        key, query, _ = self.question()
        if self.has_failed("DELETE"):
            return
        if "uploadId" in query:
            self.bucket.uploads.pop(query["uploadId"][0], None)
        else:
            self.bucket.objects.pop(key, None)
        self.answer(204, b"")

    def serve(self, *, whole: bool) -> None:
        key, _, _ = self.question()
        if self.has_failed(self.command):
            return
        data = self.bucket.objects.get(key)
        if data is None:
            self.answer(404, b"")
            return
        tag = f'"{md5(data, usedforsecurity=False).hexdigest()}"'
        headers = {"ETag": tag, "Last-Modified": DATE}
        if self.headers.get("If-None-Match") == tag:
            self.answer(304, b"", 0, **headers)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        body, status = data, 200
        if asked:
            start = int(asked[1])
            body, status = data[start : int(asked[2]) + 1 if asked[2] else None], 206
            headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{len(data)}"
        self.answer(status, body if whole else b"", size=len(body), **headers)

    def question(self) -> tuple[str, dict[str, list[str]], bytes]:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        bounds = self.headers.get("Range", "")
        self.bucket.asked.append(f"{self.command} {self.path} {bounds}".rstrip())
        return parts.path, parse_qs(parts.query, keep_blank_values=True), body

    def has_failed(self, method: str) -> bool:
        faults = self.bucket.faults.get(method, deque())
        self.cut = bool(faults) and faults[0] == "cut" and bool(faults.popleft())
        if not faults or self.cut or isinstance(faults[0], str):
            return False
        self.answer(int(faults.popleft()), b"")
        return True

    def answer(self, status: int, body: bytes, size: int | None = None, **headers: str) -> None:
        self.send_response(status)
        length = len(body) if size is None else size
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if getattr(self, "cut", False):
            self.cut = False
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)

    @property
    def bucket(self) -> Bucket:
        bucket: Bucket = self.server.bucket  # type: ignore[attr-defined]
        return bucket


def xml(root: str, name: str, value: str) -> bytes:
    return (
        f"<{root}><Bucket>bucket</Bucket><Key>key</Key><{name}>{value}</{name}></{root}>"
    ).encode()


@contextmanager
def s3_server() -> Iterator[Bucket]:
    """A server with one empty bucket, called `bucket`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bucket = Bucket(f"http://127.0.0.1:{server.server_port}")
    server.bucket = bucket  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
