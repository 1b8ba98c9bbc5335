"""Certificates while a process runs: for how long they hold, and taking up new ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

WARN_DAYS = 30
"""Days before its end from which on a certificate's expiry is warned of."""


def days_left(certificate: Path) -> float | None:
    """Return for how many days a certificate holds, below 0 after; None where none can be read."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return (found.not_valid_after_utc - datetime.now(UTC)).total_seconds() / 86400


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


def _stamps(*paths: Path) -> tuple[tuple[int, int], ...] | None:
    try:
        return tuple((path.stat().st_mtime_ns, path.stat().st_ino) for path in paths)
    except OSError:
        return None
