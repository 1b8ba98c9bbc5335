"""A node's secrets: one random secret in a file, everything else derived from it.

Architecture 3.3. In a simulation the node secret itself is derived from the study's public seed,
and the genesis says so.
"""

from __future__ import annotations

import os
from pathlib import Path

from collegium.errors import RunError, reason_of
from collegium.ledger.hashing import lp, tag
from collegium.ledger.hpke import hkdf

SECRET_SIZE = 32


def derive(secret: bytes, purpose: str, *context: bytes) -> bytes:
    """Return 32 bytes for a purpose and context (genesis, study, round, attempt …)."""
    return hkdf(secret, tag("secret") + lp(purpose.encode()) + b"".join(map(lp, context)))


def simulated_secret(seed: int, member: str) -> bytes:
    """Return the node secret of a member in a simulation: known to whoever knows the seed."""
    return hkdf(b"simulated", tag("simulated") + lp(str(seed).encode()) + lp(member.encode()))


def keep_secret(home: Path, secret: bytes) -> bytes:
    """Return the node secret kept in a home, after writing it there if there is none yet.

    Raises:
        RunError: the file does not hold a secret.
    """
    path = home / "secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        partial = home / "secret.partial"
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    return read_secret(home)


def read_secret(home: Path) -> bytes:
    """Return the node secret kept in a home.

    Raises:
        RunError: there is none, or the file does not hold a secret.
    """
    path = home / "secret"
    try:
        kept = path.read_bytes()
    except OSError as error:
        raise RunError(
            "secret.missing", f"{path} cannot be read", reason_of(error),
            "name the home of a member",
        ) from error  # fmt: skip
    if len(kept) != SECRET_SIZE:
        raise RunError(
            "secret.malformed", f"{path} is no node secret", "it is not 32 bytes long",
            "restore the home from its backup",
        )  # fmt: skip
    return kept
