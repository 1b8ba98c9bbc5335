"""Certificates while a process runs: for how long they hold, and taking up new ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

Stamps = tuple[tuple[int, int], ...]

WARN_DAYS = 30
"""Days before its end from which on a certificate's expiry is warned of."""


def days_left(certificate: Path) -> float | None:
    """Return for how many days a certificate holds, below 0 after; None where none can be read."""
    end = _end_of(certificate, _stamps(certificate))
    return None if end is None else (end - datetime.now(UTC)).total_seconds() / 86400


@lru_cache(maxsize=16)  # a node asks after each turn of its loop, and the file hardly ever changes
def _end_of(certificate: Path, stamps: Stamps | None) -> datetime | None:
    """Return when a certificate ends whose file has such stamps; None where none can be read."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def renewing(context: ssl.SSLContext, certificate: Path, key: Path) -> Callable[[], bool]:
    """Return what takes up another certificate and key from their files, and says whether it did.

    Connections that are open keep the old ones. Files that do not belong together, as while they
    are being replaced, are tried again at the next call.
    """
    seen = _stamps(certificate, key)

    def renew() -> bool:
        nonlocal seen
        now = _stamps(certificate, key)
        if now in (seen, None):
            return False
        try:
            # A failed load leaves a context without a key, so another one is tried first.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError):
            return False
        seen = now
        return True

    return renew


def _stamps(*paths: Path) -> Stamps | None:
    try:
        return tuple((path.stat().st_mtime_ns, path.stat().st_ino) for path in paths)
    except OSError:
        return None
