"""Domain-separated SHA-256 and length prefixes; docs/spec/1-values.md."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

DIGEST_SIZE = 32


def lp(data: bytes) -> bytes:
    """Return a u32 big-endian length, then the bytes."""
    return len(data).to_bytes(4, "big") + data


def u64(number: int) -> bytes:
    """Return an unsigned 64-bit big-endian integer."""
    return number.to_bytes(8, "big")


@lru_cache(maxsize=64)
def tag(what: str) -> bytes:
    """Return the domain tag that starts every hash of our own."""
    return f"collegium/{what}/v1".encode("ascii") + b"\0"


def tagged_hash(what: str, *parts: bytes) -> bytes:
    """Return SHA-256 over the domain tag and the parts, which must delimit themselves."""
    return sha256(tag(what) + b"".join(parts)).digest()
