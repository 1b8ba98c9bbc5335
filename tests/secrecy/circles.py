"""Attempts at secure sums for the tests: members with fixed secrets, and a whole exchange."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from collegium.mechanisms.secagg.protocol import SECAGG
from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE
from collegium.secrecy.masked import MaskedTotal, residues, total_of
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import OwnSecrets, SecureSum, SumFailure
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders

PLACE = AttemptId(sha256(b"genesis").digest(), "heart", 3, 2)
MODEL = sha256(b"model").digest()
PROTOCOLS: tuple[SecureSum, ...] = (SECAGG, THRESHOLD_HE)
"""Every protocol; that they satisfy the seam is for the type checker."""


def secrets_of(member: str, attempt: int = 2) -> OwnSecrets:
    """Secrets that are fixed by the member's name and the attempt."""
    mask, own, share = (
        sha256(f"{what} {member} {attempt}".encode()).digest() for what in ("mask", "self", "share")
    )
    return OwnSecrets(
        int.from_bytes(mask, "little") % PRIME, int.from_bytes(own, "little") % PRIME, share
    )


@dataclass(slots=True)
class Exchange:
    """A circle that has dealt; `deals` may be tampered with before masking.

    With a `degree`, it deals and masks in a graph.
    """

    names: list[str]
    threshold: int
    ring: int = 32
    place: AttemptId = PLACE
    degree: int | None = None
    own: dict[str, OwnSecrets] = field(default_factory=dict)
    deals: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = {name: secrets_of(name, self.place.attempt) for name in self.names}
        self.deals = {
            name: SECAGG.deal(self.own[name], self.share_holders, name) for name in self.names
        }

    @property
    def share_holders(self) -> ShareHolders:
        keys = {name: SECAGG.advertise(self.own[name]) for name in self.names}
        return ShareHolders(self.place, self.threshold, keys, self.ring, self.degree)

    @property
    def agreement(self) -> FixedDeals:
        digests = {name: sha256(deal).digest() for name, deal in self.deals.items()}
        return FixedDeals(self.share_holders, MODEL, 12, self.ring, digests)

    def masked(self, values: Mapping[str, NDArray[np.int16]], weight: int) -> dict[str, RingVector]:
        found = {}
        for name, update in values.items():
            found[name] = residues(update, weight, self.ring)
            SECAGG.mask(self.own[name], self.agreement, name, found[name])
        return found

    def posted(
        self, holders: Collection[str], survivors: Collection[str]
    ) -> dict[str, dict[str, bytes]]:
        agreement, fixed = self.agreement, frozenset(survivors)
        return {
            name: SECAGG.shares(self.own[name], agreement, name, self.deals, fixed)
            for name in holders
        }

    def total(
        self, masked: Mapping[str, RingVector], posted: Mapping[str, Mapping[str, bytes]]
    ) -> RingVector | SumFailure:
        return SECAGG.unmask(self.agreement, masked, self.deals, posted)


def updates_of(names: Collection[str], size: int, seed: int = 0) -> dict[str, NDArray[np.int16]]:
    """Random updates over the whole range, one a member."""
    generator = np.random.default_rng(seed)
    return {name: generator.integers(-32767, 32768, size, dtype=np.int16) for name in names}


def read_total(vector: RingVector | SumFailure, weights: int, updates: int) -> MaskedTotal:
    """What a sum stands for; it must stand for something."""
    assert not isinstance(vector, SumFailure), vector
    total = total_of(vector, weights, updates)
    assert total is not None
    return total


def elsewhere(agreement: FixedDeals, **changes: object) -> FixedDeals:
    """The same agreement but for some fields."""
    return replace(agreement, **changes)  # type: ignore[arg-type]
