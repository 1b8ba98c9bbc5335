"""The policy of a running node: read again whenever its file changes.

A file that cannot be read switches the member off until it can: nothing leaves by mistake.
"""

from __future__ import annotations

import logging
from pathlib import Path

from collegium.errors import NodeError
from collegium.node.policy import POLICY, SWITCHED_OFF, Policy, read_policy
from collegium.node.registration_checks import in_a_line

log = logging.getLogger(__name__)


class PolicyFile:
    """A home's policy as of now; `fault` says why the member is switched off."""

    def __init__(self, home: Path) -> None:
        self.fault: str | None = None
        self._home = home
        self._stamp: tuple[int, int, int] | None = None
        self._policy = SWITCHED_OFF

    def now(self) -> Policy:
        """Return the policy."""
        stamp = self._look()
        if stamp is None or stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._policy

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = (self._home / POLICY).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _read(self) -> None:
        before = (self._policy, self.fault)
        try:
            self._policy, self.fault = read_policy(self._home), None
        except NodeError as error:
            self._policy, self.fault = SWITCHED_OFF, in_a_line(error)
        if (self._policy, self.fault) == before:
            return
        if self.fault is None:
            log.info("policy read", extra={"enabled": self._policy.enabled})
        else:
            log.error("policy unreadable", extra={"why": self.fault})
