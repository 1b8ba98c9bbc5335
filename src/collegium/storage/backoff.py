"""Waiting between tries: exponentially longer, with full jitter, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom

_RANDOM = SystemRandom()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try again, and how long to wait in between.

    Attributes:
        first: the longest first wait, in seconds; each later one may be twice as long.
        most: the longest wait of all, in seconds.
        tries: tries in a row without progress before giving up.
    """

    first: float = 0.2
    most: float = 10.0
    tries: int = 5

    def wait(self, failures: int) -> float:
        """Return seconds to wait after so many failures in a row, drawn anew each time."""
        return _RANDOM.uniform(0, min(self.most, self.first * 2 ** min(failures - 1, 32)))
