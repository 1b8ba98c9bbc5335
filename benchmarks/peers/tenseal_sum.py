"""TenSEAL's CKKS with one key for all: encrypt, add and decrypt vectors of floats.

Degree 8192, coefficient moduli of 60 and 60 bits, scale 2^40: no multiplication is needed. Run it
with the Python of an environment that has ``tenseal`` and ``numpy``. Prints one JSON object:
seconds of a client to encrypt, of the server to add all, of the holder of the key to decrypt the
sum; bytes of an update; and the largest error of the sum relative to its largest coordinate.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter

import numpy as np
import tenseal as ts  # type: ignore[import-not-found]

DEGREE, MODULI, SCALE = 8192, [60, 60], 2.0**40


def main(parameters: int, clients: int) -> None:
    """Encrypt, add and decrypt."""
    context = ts.context(ts.SCHEME_TYPE.CKKS, DEGREE, coeff_mod_bit_sizes=MODULI)
    context.global_scale = SCALE
    secret = context.secret_key()
    public = context.copy()
    public.make_context_public()
    slots = DEGREE // 2
    generator = np.random.default_rng(1)
    shape = clients, parameters
    updates = generator.integers(-32767, 32768, shape, dtype=np.int16).astype(np.float64) / 4096
    sent, seconds = [], []
    for update in updates:
        began = perf_counter()
        parts = [
            ts.ckks_vector(public, update[at : at + slots]).serialize()
            for at in range(0, parameters, slots)
        ]
        seconds.append(perf_counter() - began)
        sent.append(parts)
    began = perf_counter()
    totals = [ts.ckks_vector_from(public, part) for part in sent[0]]
    for parts in sent[1:]:
        for total, part in zip(totals, parts, strict=True):
            total += ts.ckks_vector_from(public, part)
    adding = perf_counter() - began
    blobs = [total.serialize() for total in totals]
    began = perf_counter()
    found = np.concatenate([ts.ckks_vector_from(context, blob).decrypt(secret) for blob in blobs])
    decrypting = perf_counter() - began
    plain = updates.sum(axis=0)
    print(
        json.dumps(
            {
                "encrypt": float(np.median(seconds)), "add": adding, "decrypt": decrypting,
                "update_bytes": sum(map(len, sent[0])),
                "error": float(np.abs(found - plain).max() / np.abs(plain).max()),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
