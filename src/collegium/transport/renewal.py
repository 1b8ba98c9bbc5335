"""Certificates while a process runs: for how long they hold, and taking up new ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from collegium.errors import RunError

Stamps = tuple[tuple[int, int], ...]

WARN_DAYS = 30
"""Days before its end from which on a certificate's expiry is warned of."""


def days_left(certificate: Path) -> float | None:
    """Return for how many days a certificate holds, below 0 after; None where none can be read.

    Where a file has several, as while an authority is renewed, it is the last one's end.
    """
    end = _end_of(certificate, _stamps(certificate))
    return None if end is None else (end - datetime.now(UTC)).total_seconds() / 86400


def first_to_end(certificates: Iterable[Path]) -> tuple[float, Path] | None:
    """Return the days left and the file of what ends first; None where none can be read."""
    found = [(left, path) for path in certificates if (left := days_left(path)) is not None]
    return min(found, default=None)


@lru_cache(maxsize=16)  # a node asks after each turn of its loop, and the file hardly ever changes
def _end_of(certificate: Path, stamps: Stamps | None) -> datetime | None:
    """Return when a certificate ends whose file has such stamps; None where none can be read."""
    try:
        there = x509.load_pem_x509_certificates(certificate.read_bytes())
        return max(one.not_valid_after_utc for one in there)
    except (OSError, ValueError):
        return None


def renewing(
    make: Callable[[], ssl.SSLContext], *paths: Path
) -> Callable[[], ssl.SSLContext | None]:
    """Return what makes TLS anew when its files are others than now, and else returns None.

    Files that do not belong together, as while they are being replaced, are tried again at the
    next call. Another context forgets the authorities that the old one trusted.

    Args:
        make: makes it of the files.
        paths: the files: the authority's certificates, the own one, and its key.
    """
    seen = _stamps(*paths)

    def renew() -> ssl.SSLContext | None:
        nonlocal seen
        now = _stamps(*paths)
        if now in (seen, None):
            return None
        with suppress(RunError):
            made = make()
            seen = now
            return made
        return None

    return renew


def _stamps(*paths: Path) -> Stamps | None:
    try:
        return tuple((path.stat().st_mtime_ns, path.stat().st_ino) for path in paths)
    except OSError:
        return None
