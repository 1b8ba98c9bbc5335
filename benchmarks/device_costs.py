"""What cryptography takes on one core: ``python -m benchmarks.device_costs``.

Its figures are those of `collegium.devices.cryptography`, rounded, beside which it prints them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from statistics import median
from time import perf_counter

import numpy as np
from benchmarks.children import table

from collegium.devices.cryptography import SECONDS
from collegium.ledger.keys import signature_holds, signing_key
from collegium.mechanisms.sum_check.pedersen import commitment, scalars_of
from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE, added, opened
from collegium.secrecy.deal import agree
from collegium.secrecy.masked import residues
from collegium.secrecy.masking import add_masks
from collegium.secrecy.secure_sum import OwnSecrets
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders

REPEATS = 7
SIZE, MEMBERS = 100_000, 20


def main() -> None:
    """Measure every operation, and print it beside what the model takes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [
        (name, f"{seconds:.2g} s", f"{SECONDS[name]:.2g} s")
        for name, seconds in (*of_messages(), *of_sums())
    ]
    print(table(("operation", "measured", "in the model"), rows))


def of_messages() -> Iterator[tuple[str, float]]:
    """Yield what signatures, agreements, hashes, masks and commitments take."""
    key, message = signing_key(os.urandom(32)), os.urandom(400)
    signature = key.sign(message)
    yield "signature", took(lambda: key.sign(message), 200)
    yield "verification", took(lambda: signature_holds(key.public, message, signature), 200)
    peer = THRESHOLD_HE.advertise(secrets()).share
    yield "agreement", took(lambda: agree(os.urandom(32), peer), 200)
    data = os.urandom(1 << 22)
    yield "hashed_byte", took(lambda: sha256(data).digest()) / len(data)
    vector = np.zeros(1 << 20, np.uint32)
    masks = [os.urandom(32) for _ in range(4)]
    yield "masked_byte", took(lambda: add_masks(vector, masks, [])) / (4 * vector.nbytes)
    values = np.arange(700, dtype=np.int64)
    commitment(values, 32, 5)  # points are found once
    yield "committed_scalar", took(lambda: commitment(values, 32, 5)) / (1 + scalars_of(700, 32))


def of_sums() -> Iterator[tuple[str, float]]:
    """Yield what an encrypted sum takes, by coordinates, holders and updates."""
    names = [f"c{number:04d}" for number in range(MEMBERS)]
    own = {name: secrets() for name in names}
    keys = {name: THRESHOLD_HE.advertise(own[name]) for name in names}
    holders = ShareHolders(AttemptId(bytes(32), "bench", 1, 1), 2 * MEMBERS // 3 + 1, keys)
    deals = {name: THRESHOLD_HE.deal(own[name], holders, name) for name in names}
    digests = {name: sha256(blob).digest() for name, blob in deals.items()}
    agreement, me = FixedDeals(holders, os.urandom(32), 12, 32, digests), names[0]
    update = np.random.default_rng(1).integers(-32767, 32768, SIZE, dtype=np.int16)

    def encrypted(who: str = me) -> bytes:
        return THRESHOLD_HE.protect(own[who], agreement, who, residues(update, 1, 32))

    hidden = {name: encrypted(name) for name in names}
    everybody = frozenset(names)
    posted = {one: THRESHOLD_HE.shares(own[one], agreement, one, deals, everybody) for one in names}
    total = added(agreement, SIZE, hidden)
    yield "encrypted_deal", took(lambda: THRESHOLD_HE.deal(own[me], holders, me)) / MEMBERS
    yield (
        "encrypted_look",
        took(lambda: THRESHOLD_HE.is_sound(own[me], holders, names[1], me, deals[names[1]])),
    )
    yield "encrypted_coordinate", took(encrypted) / SIZE
    yield "added_coordinate", took(lambda: added(agreement, SIZE, hidden)) / SIZE / MEMBERS
    yield "opened_coordinate", took(lambda: opened(holders, total, posted)) / SIZE


def secrets() -> OwnSecrets:
    """Return a member's secrets of an attempt."""
    first, second = (int.from_bytes(os.urandom(40), "little") % PRIME for _ in range(2))
    return OwnSecrets(first, second, os.urandom(32))


def took(work: Callable[[], object], times: int = 1) -> float:
    """Return the median of the seconds that something takes."""
    found = []
    for _ in range(REPEATS):
        began = perf_counter()
        for _ in range(times):
            work()
        found.append((perf_counter() - began) / times)
    return median(found)


if __name__ == "__main__":
    main()
