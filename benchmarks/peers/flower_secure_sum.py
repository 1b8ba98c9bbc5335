"""Flower's building blocks of secure aggregation, composed as its workflow composes them.

Full graph, one client drops out after dealing; no signatures, no hashing, no quantization. Run it
with the Python of an environment that has ``flwr``. Prints one JSON object: seconds of a client,
seconds of the server, and whether the sum is exact.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter

import numpy as np
from flwr.common.secure_aggregation.crypto.shamir import (  # type: ignore[import-not-found]
    combine_shares,
    create_shares,
)
from flwr.common.secure_aggregation.crypto.symmetric_encryption import (  # type: ignore[import-not-found]
    decrypt,
    encrypt,
    generate_shared_key,
)
from flwr.common.secure_aggregation.ndarrays_arithmetic import (  # type: ignore[import-not-found]
    parameters_addition,
    parameters_mod,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.secaggplus_utils import (  # type: ignore[import-not-found]
    pseudo_rand_gen,
    share_keys_plaintext_concat,
    share_keys_plaintext_separate,
)
from flwr.supercore.primitives.asymmetric import (  # type: ignore[import-not-found]
    bytes_to_private_key,
    generate_key_pairs,
    private_key_to_bytes,
)

RING = 1 << 32


def main(parameters: int, clients: int) -> None:
    """Run a round in which one client drops out after dealing, and time one of the others."""
    threshold = 2 * clients // 3 + 1
    pairs = [generate_key_pairs() for _ in range(clients)]
    sharing = [generate_key_pairs() for _ in range(clients)]
    seeds = [os.urandom(32) for _ in range(clients)]
    generator = np.random.default_rng(1)
    me, gone = 1, 0
    shape = [(parameters,)]

    def masks(client: int) -> list[np.ndarray]:
        update = generator.integers(-32767, 32768, parameters)
        vector = parameters_addition([update], pseudo_rand_gen(seeds[client], RING, shape))
        for other in range(clients):
            if other != client:
                shared = generate_shared_key(pairs[client][0], pairs[other][1])
                mask = pseudo_rand_gen(shared, RING, shape)
                change = parameters_addition if client > other else parameters_subtraction
                vector = change(vector, mask)
        return list(parameters_mod(vector, RING))

    began = perf_counter()
    for _ in ("masks", "shares"):
        generate_key_pairs()
    seed_shares = create_shares(seeds[me], threshold, clients)
    key_shares = create_shares(private_key_to_bytes(pairs[me][0]), threshold, clients)
    sent = []
    for other in range(clients):
        if other != me:
            text = share_keys_plaintext_concat(me, other, seed_shares[other], key_shares[other])
            sent.append(encrypt(generate_shared_key(sharing[me][0], sharing[other][1]), text))
    for number, other in enumerate(other for other in range(clients) if other != me):
        # what others sent has the size of what was sent to them
        key = generate_shared_key(sharing[me][0], sharing[other][1])
        share_keys_plaintext_separate(decrypt(key, sent[number]))
    masks(me)
    client = perf_counter() - began

    # the server's side; the sum of masked vectors is made from the masks that do not cancel
    survivors = [number for number in range(clients) if number != gone]
    update = [np.zeros(parameters, np.int64)]
    plain = np.zeros(parameters, np.int64)
    vectors = []
    for number in survivors:
        own = generator.integers(-32767, 32768, parameters)
        plain += own
        left = parameters_addition([own], pseudo_rand_gen(seeds[number], RING, shape))
        mask = pseudo_rand_gen(generate_shared_key(pairs[number][0], pairs[gone][1]), RING, shape)
        left = parameters_addition(left, mask)  # its number is above that of who is gone
        vectors.append([vector.astype(np.int64) for vector in parameters_mod(left, RING)])
    shares = {
        number: create_shares(seeds[number], threshold, clients)[:threshold] for number in survivors
    }
    gone_shares = create_shares(private_key_to_bytes(pairs[gone][0]), threshold, clients)

    began = perf_counter()
    for vector in vectors:
        update = parameters_mod(parameters_addition(update, vector), RING)
    for number in survivors:
        seed = combine_shares(shares[number])
        update = parameters_subtraction(update, pseudo_rand_gen(seed, RING, shape))
    private = bytes_to_private_key(combine_shares(gone_shares[:threshold]))
    for number in survivors:
        shared = generate_shared_key(private, pairs[number][1])
        update = parameters_subtraction(update, pseudo_rand_gen(shared, RING, shape))
    update = parameters_mod(update, RING)
    server = perf_counter() - began
    exact = bool((update[0] == plain % RING).all())
    print(json.dumps({"client": client, "server": server, "exact": exact}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
