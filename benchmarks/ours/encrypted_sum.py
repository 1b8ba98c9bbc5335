"""Our encrypted sums: what a client and a validator do in a round, by part.

Prints one JSON object: seconds of a client for its deal, for looking at all others', for its
update and for its share of the sum's key; seconds of a validator to add all updates and to open
their sum; bytes of an update and a deal; and the largest error of the sum relative to its largest
coordinate, which is 0.
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from time import perf_counter

import numpy as np

from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE, added, opened
from collegium.secrecy.masked import residues, total_of
from collegium.secrecy.secure_sum import OwnSecrets, SumFailure
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders


def main(parameters: int, clients: int) -> None:
    """Run a round in which nobody drops out, and time one client and one validator."""
    names = [f"c{number:04d}" for number in range(clients)]
    threshold = 2 * clients // 3 + 1
    own = {name: OwnSecrets(_element(), _element(), os.urandom(32)) for name in names}
    keys = {name: THRESHOLD_HE.advertise(own[name]) for name in names}
    share_holders = ShareHolders(AttemptId(bytes(32), "bench", 1, 1), threshold, keys)
    THRESHOLD_HE.deal(own[names[0]], share_holders, names[0])  # tables are made once in a process
    began = perf_counter()
    deal = THRESHOLD_HE.deal(own[names[0]], share_holders, names[0])
    dealing = perf_counter() - began
    deals = {name: THRESHOLD_HE.deal(own[name], share_holders, name) for name in names}
    digests = {name: sha256(blob).digest() for name, blob in deals.items()}
    agreement = FixedDeals(share_holders, os.urandom(32), 12, 32, digests)
    me = names[0]
    began = perf_counter()
    sound = [
        name
        for name in names
        if THRESHOLD_HE.is_sound(own[me], share_holders, name, me, deals[name])
    ]
    looking = perf_counter() - began
    assert len(sound) == clients
    generator = np.random.default_rng(1)
    shape = clients, parameters
    updates = generator.integers(-32767, 32768, shape, dtype=np.int16)
    hidden, seconds = {}, []
    for name, update in zip(names, updates, strict=True):
        began = perf_counter()
        vector = residues(update, 1, 32)
        hidden[name] = THRESHOLD_HE.protect(own[name], agreement, name, vector)
        seconds.append(perf_counter() - began)
    everybody = frozenset(names)
    began = perf_counter()
    THRESHOLD_HE.shares(own[me], agreement, me, deals, everybody)
    sharing = perf_counter() - began
    posted = {
        name: THRESHOLD_HE.shares(own[name], agreement, name, deals, everybody)
        for name in names[:threshold]
    }
    began = perf_counter()
    total = added(agreement, parameters, hidden)
    adding = perf_counter() - began
    began = perf_counter()
    vector_or_flaw = opened(share_holders, total, posted)
    opening = perf_counter() - began
    assert not isinstance(vector_or_flaw, SumFailure)
    found = total_of(vector_or_flaw, clients, clients)
    plain = updates.sum(axis=0, dtype=np.int64)
    assert found is not None
    print(
        json.dumps(
            {
                "deal": dealing, "look": looking, "encrypt": float(np.median(seconds)),
                "share": sharing, "add": adding, "decrypt": opening,
                "update_bytes": len(hidden[me]), "deal_bytes": len(deal),
                "error": float(np.abs(found.values - plain).max() / np.abs(plain).max()),
            }
        )
    )  # fmt: skip


def _element() -> int:
    return int.from_bytes(os.urandom(40), "little") % PRIME


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
