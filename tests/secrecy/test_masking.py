"""A mask is the key stream of AES-256-CTR; what is added once and subtracted once is gone."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from collegium.secrecy import masking
from collegium.secrecy.masking import add_masks, masked_sum, ring_type

KEYS = [sha256(b"%d" % number).digest() for number in range(5)]


@pytest.mark.parametrize("ring", [32, 64])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("runs", [1, 2, 5])
def test_masks_are_key_streams_whatever_the_block_and_whoever_makes_them(
    ring: int, size: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking, "_BLOCK", 256)
    monkeypatch.setattr(masking, "cores", lambda: runs)
    kind = ring_type(ring)
    vector = np.arange(size, dtype=kind)
    expected = vector.copy()
    for key, sign in zip(KEYS, (1, 1, -1, -1, 1), strict=True):
        cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16)))
        stream = cipher.encryptor().update(bytes(size * kind.itemsize))
        expected += np.frombuffer(stream, kind) * np.array(sign).astype(kind)
    plain = vector.copy()
    add_masks(vector, [KEYS[0], KEYS[1], KEYS[4]], KEYS[2:4])
    assert (vector == expected).all()
    total = masked_sum([plain, plain], [KEYS[0], KEYS[1], KEYS[4]], KEYS[2:4])
    assert (total == expected + plain).all()


def test_masks_that_are_added_and_subtracted_are_gone() -> None:
    vector = np.full(70_000, 2**32 - 1, np.uint32)
    add_masks(vector, KEYS[:3], [])
    assert (vector != 2**32 - 1).mean() > 0.99
    add_masks(vector, [], KEYS[:3])
    assert (vector == 2**32 - 1).all()


def test_sums_wrap_around() -> None:
    vectors = [np.full(70_000, 2**31, np.uint32), np.full(70_000, 2**31 + 5, np.uint32)]
    assert (masked_sum(vectors, [], []) == 5).all()
