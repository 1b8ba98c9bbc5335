"""Random-k: in a round all sites send the same coordinates, which a public draw has chosen.

docs/spec page 18, docs/decisions/0076. Because everybody sends the same ones, sums stay sums: under
masks, encrypted, or plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from struct import pack

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from collegium.errors import RunError
from collegium.learning.aggregation.rule import Aggregate
from collegium.study.compression import kept_share, sent_coordinates
from collegium.study.document import Study

_TAG = b"collegium/random-k/v1\0"
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class SentCoordinates:
    """Which coordinates a round's updates have.

    Attributes:
        places: int64 [k], ascending.
        parameters: d, how many the model has.
        scaled: whether the mean step is theirs times d / k, which makes it unbiased; without,
            sites carry on what they have not sent.
    """

    places: NDArray[np.int64]
    parameters: int
    scaled: bool


def drawn_of(
    study: Study, genesis: bytes, number: int, model: bytes, parameters: int
) -> SentCoordinates | None:
    """Return the draw of a round; None where updates are sent whole.

    Args:
        study: the document.
        genesis: digest of the ledger's.
        number: the round.
        model: digest of the model that it starts from, which nobody knows before the last round.
        parameters: how many coordinates the model has.
    """
    compression = study.aggregation.compression
    if compression is None:
        return None
    name = study.study.id.encode()
    seed = sha256(_TAG + genesis + pack(">I", len(name)) + name + pack(">Q", number) + model)
    kept = sent_coordinates(parameters, kept_share(study))
    places = draw_places(seed.digest(), parameters, kept)
    return SentCoordinates(places, parameters, not compression.feedback)


def draw_places(seed: bytes, parameters: int, kept: int) -> NDArray[np.int64]:
    """Return those of `parameters` places whose lots are lowest, int64 [kept], ascending.

    A place's lot is its word of 64 bits in the key stream of AES-256-CTR; of equal lots the first
    place's is lower.
    """
    cipher = Cipher(algorithms.AES(seed), modes.CTR(bytes(16)))
    lots = np.frombuffer(cipher.encryptor().update(bytes(8 * parameters)), "<u8")
    last = np.partition(lots, kept - 1)[kept - 1]
    below, equal = np.flatnonzero(lots < last), np.flatnonzero(lots == last)
    return np.sort(np.concatenate([below, equal[: kept - below.size]]))


def picked(values: NDArray[np.int16], drawn: SentCoordinates | None) -> NDArray[np.int16]:
    """Return those coordinates of an update that are sent, in order: int16 [k]."""
    return values if drawn is None else values[drawn.places]


def whole(aggregate: Aggregate, drawn: SentCoordinates | None) -> Aggregate:
    """Return an aggregate of cut updates over all coordinates, exactly: int64 [d].

    What was not sent is 0. Scaled, it is multiplied by d / k in lowest terms, the numerator into
    the total and the denominator into the denominator.

    Raises:
        RunError: a product has no place in 64 bits.
    """
    if drawn is None:
        return aggregate
    kept = drawn.places.size
    common = gcd(drawn.parameters, kept)
    up, down = (drawn.parameters // common, kept // common) if drawn.scaled else (1, 1)
    if int(np.abs(aggregate.total).max()) * up > _LARGEST:
        raise RunError(
            "aggregation.overflow", "a sum of cut updates cannot be scaled",
            f"times {up} it has no place in 64 bits",
            "set aggregation.compression.feedback = true, or keep more coordinates",
        )  # fmt: skip
    total = np.zeros(drawn.parameters, np.int64)
    total[drawn.places] = aggregate.total * up
    return Aggregate(total, aggregate.denominator * down)
