"""What cryptography takes on one core, measured once.

By ``python -m benchmarks.device_costs``, on one core of a shared x86-64 server (Intel Xeon with AES
instructions, CPython 3.11): the medians, rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

SECONDS: Mapping[str, float] = {
    "signature": 6e-5,
    "verification": 1e-4,
    "agreement": 1e-4,
    "hashed_byte": 2e-9,
    "masked_byte": 7e-10,
    "committed_scalar": 2e-4,
    "encrypted_deal": 1e-3,
    "encrypted_look": 3e-4,
    "encrypted_coordinate": 4e-7,
    "added_coordinate": 1.1e-8,
    "opened_coordinate": 5e-7,
}
"""Seconds of an Ed25519 signature made or verified; of an X25519 agreement, with what is sealed by
it; of a byte that is hashed (SHA-256), or masked (AES-256 in counter mode, and added); of a scalar
of a Pedersen commitment; of a key that is dealt for one holder, or looked at, and of a coordinate
that is encrypted, added or opened, with a threshold key."""
