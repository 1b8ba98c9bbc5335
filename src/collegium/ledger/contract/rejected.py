"""The only way in which the contract says no."""

from __future__ import annotations


class Rejected(Exception):
    """A transaction that the contract refuses; the state is as if it had never come.

    Args:
        code: stable identifier: "malformed", "signature", "unknown-member", "role", "already",
            "stale", "early", "unknown-study", "not-a-participant", "refused".
        reason: one line for the person whose transaction it was.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
