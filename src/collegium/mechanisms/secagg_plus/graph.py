"""The graph of an attempt: who masks with whom, and who holds whose shares; docs/spec page 13.

Bell, Bonawitz, Gascón, Lepoint and Raykova, "Secure Single-Server Aggregation with
(Poly)Logarithmic Overhead", CCS 2020, section 4: a regular graph in which everybody's neighbours
are drawn, so that a share of bad members is nowhere a majority (docs/decisions/0075).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import scrypt, sha256

from collegium.ledger.hashing import lp, tag, tagged_hash, u64

Graph = Mapping[str, tuple[str, ...]]
"""Each member's neighbours, in the order in which the ring of all members is walked."""

_COST = 2**12
"""scrypt's N: one draw takes about 10 ms and 4 MiB, so that trying many keys for one is dear."""


@lru_cache(maxsize=8)
def draw_graph(
    study: str, number: int, attempt: int, keys: tuple[tuple[str, bytes], ...], degree: int
) -> Graph:
    """Return the graph among who has advertised keys in an attempt.

    It follows from all their keys: whoever advertises chooses its own name and nobody's place.

    Args:
        study: its id.
        number: the round.
        attempt: its try.
        keys: 64 bytes a member, in order of names.
        degree: how many neighbours a member has, an even number.
    """
    said = b"".join(lp(name.encode()) + pair for name, pair in keys)
    drawn = tagged_hash(
        "secagg-graph", lp(study.encode()), u64(number), u64(attempt), u64(degree), said
    )
    seed = scrypt(drawn, salt=tag("secagg-graph"), n=_COST, r=8, p=1, dklen=32)
    return harary(
        sorted(
            (name for name, _ in keys), key=lambda name: sha256(seed + lp(name.encode())).digest()
        ),
        degree,
    )


def harary(ring: Sequence[str], degree: int) -> Graph:
    """Return the graph in which each is a neighbour of the nearest on a ring, half on each side.

    Among no more than `degree` + 1 members everybody is everybody's neighbour.

    Args:
        ring: the members, each once.
        degree: how many neighbours each has, an even number.
    """
    count, half = len(ring), degree // 2
    steps = tuple(range(1, count))
    if count > degree + 1:
        steps = steps[:half] + steps[-half:]
    twice = [*ring, *ring]
    return {name: tuple(twice[place + step] for step in steps) for place, name in enumerate(ring)}
