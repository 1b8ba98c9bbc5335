"""A small HTTP proxy on loopback, as a hospital has one at its border: it knows CONNECT alone."""

from __future__ import annotations

import selectors
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread


@dataclass
class Proxy:
    """A proxy that runs.

    Attributes:
        url: where it listens.
        login: name and password that it asks for, or None.
        inspecting: TLS of its own that it puts between, as an inspecting proxy does, or None.
        allowed: whether it lets anybody out.
        asked: the hosts and ports that it was asked for.
        passed: what it saw go by.
    """

    url: str = ""
    login: str | None = None
    inspecting: ssl.SSLContext | None = None
    allowed: bool = True
    asked: list[str] = field(default_factory=list)
    passed: bytearray = field(default_factory=bytearray)


@contextmanager
def proxy(login: str | None = None, inspecting: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Run a proxy that takes every name for this machine's, until the block ends."""
    here = Proxy(login=login, inspecting=inspecting)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                carry(self.request, here)

    class Server(ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

    with Server(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


def carry(near: socket.socket, here: Proxy) -> None:
    """Take one connection where its header asks for."""
    header = b""
    while b"\r\n\r\n" not in header:
        piece = near.recv(4096)
        if not piece:
            return
        header += piece
    method, target, _ = header.split(b" ", 2)
    here.asked.append(target.decode())
    wanted = b"Basic " + b64encode((here.login or "").encode())
    if here.login is not None and b"proxy-authorization: " + wanted.lower() not in header.lower():
        near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return
    if method != b"CONNECT" or not here.allowed:
        near.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return
    with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2]))) as far:
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if here.inspecting is not None:
            near = here.inspecting.wrap_socket(near, server_side=True)
        pass_on(near, far, here)


def pass_on(near: socket.socket, far: socket.socket, here: Proxy) -> None:
    """Pass on what comes, both ways, until one side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(near, selectors.EVENT_READ, far)
        ready.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in ready.select():
                assert isinstance(key.fileobj, socket.socket)
                piece = key.fileobj.recv(65536)
                if not piece:
                    return
                here.passed += piece
                key.data.sendall(piece)
