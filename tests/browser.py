"""A headless Chromium that is told what to do, and axe-core to judge the pages that it shows.

Chromium speaks its DevTools protocol over two pipes that it inherits (its third and fourth file;
here both are one socket pair): JSON messages, each ended by a zero byte. No port is opened, and it
ends when this process does.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
AXE = Path(sys.prefix, "axe/node_modules/axe-core/axe.min.js")
"""Where `make test` puts it, in the environment that the tests run in."""
REQUIRED = "COLLEGIUM_BROWSER_REQUIRED"
"""Where this is set, as in continuous integration, a missing browser is a failure."""

PATIENCE = 60.0
"""Seconds for one answer of the browser; the slowest takes about two."""

_PIPES = (
    "import os, sys; pipe = int(sys.argv[1]); os.dup2(pipe, 3); os.dup2(3, 4); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def found_or_skipped() -> None:
    """Skip the test, aloud, where Chromium or axe-core is missing; fail where both are required."""
    missing = "Chromium" if CHROMIUM is None else f"axe-core ({AXE})" if not AXE.is_file() else ""
    if missing and REQUIRED in os.environ:
        pytest.fail(f"{missing} is missing, and {REQUIRED} is set")
    if missing:
        pytest.skip(f"{missing} is missing: see CONTRIBUTING.md, Tests")


class Browser:
    """One page of one browser."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self._read = b""
        self._number = 0
        self._session: str | None = None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self("Page.enable")
        self("Page.setBypassCSP", enabled=True)

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._pipe.sendall(json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._number:
            pass
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> None:
        """Show a page, whole."""
        failed = self("Page.navigate", url=url).get("errorText")
        assert failed is None, f"{url}: {failed}"
        self.run(
            "document.readyState == 'complete' || "
            "new Promise(done => addEventListener('load', done))"
        )

    def show(self, width: int, scheme: str) -> None:
        """Give the page a width, in CSS pixels, and a colour scheme: light or dark."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        self(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def run(self, script: str) -> Any:
        """Run a script in the page and return what it, or its promise, comes to, as JSON."""
        told = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            read = self._pipe.recv(1 << 20)
            assert read, "the browser is gone"
            self._read += read
        whole, _, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(whole)
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser that keeps its things in a folder, and end it."""
    assert CHROMIUM is not None
    ours, its = socket.socketpair()
    ours.settimeout(PATIENCE)
    with ours:
        process = subprocess.Popen(
            [
                sys.executable, "-c", _PIPES, str(its.fileno()), CHROMIUM, "--headless=new",
                "--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run",
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--hide-scrollbars",
            ],
            pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        its.close()
        try:
            one = Browser(ours)
            yield one
            one._session = None
            one("Browser.close")
        finally:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
