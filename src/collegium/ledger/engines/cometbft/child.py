"""CometBFT as a child of the node: started, watched, started again, and ended with it.

A node that is killed leaves no CometBFT behind: that one stops when its application's socket
closes. One that has not stopped yet when the next node starts holds its database, so that the new
child ends at once, and is started again a moment later.
"""

from __future__ import annotations

import logging
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic

from collegium.errors import RunError, reason_of
from collegium.ledger.engines.cometbft.home import FOLDER

LOG = "cometbft.log"
LARGEST_LOG = 64 * 2**20
"""Bytes of its output from which on it goes on in a new file; one old one is kept."""

RESTS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before it is started again, the longer the more often it ended soon."""

SETTLED = 60.0
"""Seconds after which an end is a first one again."""

ENDS_WITHIN = 10.0

log = logging.getLogger(__name__)


class Child:
    """CometBFT's process. `watch` is called from time to time by whoever needs it."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home = program, home
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._ends = 0
        self._again_at = 0.0
        self.trouble: str | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def watch(self) -> None:
        """Start it, if it does not run and its rest is over."""
        now = monotonic()
        if self.running:
            if self.trouble is not None and now - self._started > RESTS[-1]:
                self.trouble = None
            return
        if self._process is not None:
            self._ended(now)
        if now >= self._again_at:
            self._start(now)

    def stop(self) -> None:
        """End it, gently and then for good."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ended(self, now: float) -> None:
        code = self._process.returncode if self._process is not None else 0
        self._process = None
        self._ends = self._ends + 1 if now - self._started < SETTLED else 1
        self._again_at = now + RESTS[min(self._ends, len(RESTS)) - 1]
        self.trouble = f"CometBFT ended with status {code}: {_last_line(self._log)}"
        log.warning("cometbft ended", extra={"status": code, "why": self.trouble})

    def _start(self, now: float) -> None:
        path = self._log
        with suppress(OSError):
            if path.stat().st_size > LARGEST_LOG:
                path.replace(path.with_name(f"{LOG}.1"))
        try:
            with path.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603 - no shell; see `binary`
                    [self._program, "start", "--home", self._home / FOLDER],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=True, env={"HOME": str(self._home), **_environment()},
                )  # fmt: skip
        except OSError as error:
            raise RunError(
                "cometbft.absent", f"{self._program} cannot be started", reason_of(error),
                "build it anew with `collegium network install`",
            ) from error  # fmt: skip
        self._started = now
        log.info("cometbft started", extra={"pid": self._process.pid})

    @property
    def _log(self) -> Path:
        return self._home / LOG


def _environment() -> dict[str, str]:
    """CMT variables would change settings that all members must have alike."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("CMT", "TM"))}


def _last_line(path: Path) -> str:
    """Return the last line that it wrote, for whoever looks at status."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    errors = [line for line in lines if '"level":"error"' in line or "panic" in line]
    return (errors or lines or [""])[-1][:300]
