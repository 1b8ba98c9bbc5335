"""Our secure aggregation: what one client and one validator do in a round, signatures included.

Prints one JSON object: seconds of a client, seconds of a validator, and whether the sum is exact.
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from time import perf_counter

import numpy as np

from collegium.cores import spread
from collegium.ledger.keys import signing_key
from collegium.ledger.signatures import signatures_hold
from collegium.mechanisms.secagg.protocol import SECAGG
from collegium.secrecy.masked import decode_masked, encode_masked, residues, total_of
from collegium.secrecy.secure_sum import OwnSecrets, SumFailure
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders

MESSAGES = 5
"""Transactions of a client in a masked round: keys, deal, commit, reveal, shares."""


def element() -> int:
    """Return a random field element."""
    return int.from_bytes(os.urandom(40), "little") % PRIME


def main(parameters: int, clients: int) -> None:
    """Run a round in which one client drops out after dealing, and time one of the others."""
    names = [f"c{number:04d}" for number in range(clients)]
    threshold = 2 * clients // 3 + 1
    own = {name: OwnSecrets(element(), element(), os.urandom(32)) for name in names}
    keys = {name: SECAGG.advertise(own[name]) for name in names}
    share_holders = ShareHolders(AttemptId(bytes(32), "bench", 1, 1), threshold, keys)
    deals = {name: SECAGG.deal(own[name], share_holders, name) for name in names}
    digests = {name: sha256(deal).digest() for name, deal in deals.items()}
    agreement = FixedDeals(share_holders, bytes(32), 12, 32, digests)
    generator = np.random.default_rng(1)
    updates = {
        name: generator.integers(-32767, 32768, parameters, dtype=np.int16) for name in names[1:]
    }
    survivors = frozenset(updates)
    key, message = signing_key(os.urandom(32)), os.urandom(400)
    blobs = {}
    for name, update in updates.items():
        vector = residues(update, 1, 32)
        SECAGG.mask(own[name], agreement, name, vector)
        blobs[name] = encode_masked(vector, 12)

    began = perf_counter()
    me = names[1]
    SECAGG.advertise(own[me])
    sha256(SECAGG.deal(own[me], share_holders, me)).digest()
    sound = [
        name for name in names if SECAGG.is_sound(own[me], share_holders, name, me, deals[name])
    ]
    vector = residues(updates[me], 1, 32)
    SECAGG.mask(own[me], agreement, me, vector)
    sha256(encode_masked(vector, 12)).digest()
    SECAGG.shares(own[me], agreement, me, deals, survivors)
    signatures = [key.sign(message) for _ in range(MESSAGES)]
    client = perf_counter() - began
    assert len(sound) == clients

    posted = {
        name: SECAGG.shares(own[name], agreement, name, deals, survivors)
        for name in names[1 : threshold + 1]
    }
    began = perf_counter()
    assert all(signatures_hold([(key.public, message, signatures[0])] * (MESSAGES * clients)))
    received = [*blobs.values(), *deals.values()]

    def named(place: int) -> None:
        sha256(received[place]).digest()

    spread(len(received), named, len(received) - 1)
    masked = {name: decode_masked(data, parameters, 32, 12) for name, data in blobs.items()}
    total = SECAGG.unmask(agreement, masked, deals, posted)
    server = perf_counter() - began
    assert not isinstance(total, SumFailure)
    found = total_of(total, len(survivors), len(survivors))
    plain = np.zeros(parameters, np.int64)
    for update in updates.values():
        plain += update
    exact = found is not None and bool((found.values == plain).all())
    print(json.dumps({"client": client, "server": server, "exact": exact}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
