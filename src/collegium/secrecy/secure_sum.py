"""The seam of secure sums: what a member does in each phase, and what anybody does with the result.

A protocol is named by a study's ``[privacy] secure_aggregation``. It keeps no state: what it needs
is a member's secrets of the attempt, and what the ledger fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from collegium.secrecy.masking import RingVector
from collegium.secrecy.sum_setup import FixedDeals, PublicKeys, ShareHolders

Posted = Mapping[str, Mapping[str, bytes]]
"""Shares by the holder that posted them and the dealer whose secret they belong to."""

OF_THE_SUM = ""
"""Whose secret a share belongs to that is of the sum's own key."""


@dataclass(frozen=True, slots=True)
class OwnSecrets:
    """A member's secrets of one attempt; the repr shows none.

    Attributes:
        mask: a field element, from which the key follows that agrees on masks with the others.
        own: a field element, from which the member's own mask follows.
        share: a private X25519 key, which opens the shares dealt to the member.
    """

    mask: int
    own: int
    share: bytes

    def __repr__(self) -> str:
        return "OwnSecrets()"


@dataclass(frozen=True, slots=True)
class SumFailure:
    """Why a sum cannot be unmasked.

    Attributes:
        why: "deal" where a dealer's shares combine to another secret than its deal was made from,
            which proves that it cheated; "shares" where too few of its shares are posted.
        dealer: whose secret it is, or `OF_THE_SUM`.
    """

    why: Literal["deal", "shares"]
    dealer: str


class Adding(Protocol):
    """What opens the sum of hidden vectors."""

    def total(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> RingVector | SumFailure:  # fmt: skip
        """Return the sum of the vectors behind hidden ones, the same bits on every machine.

        Args:
            agreement: the attempt's.
            parameters: d, how many coordinates the model has.
            hidden: the blobs of the survivors' vectors.
            deals: the blobs of all deals, by dealer.
            posted: the shares on the ledger; those that no dealer committed to are left out.

        Raises:
            FormatError: a blob is malformed.
        """
        ...


class SecureSum(Adding, Protocol):
    """A protocol that shows a sum of vectors and nothing else about them."""

    @property
    def name(self) -> str:
        """Versioned name, which is also that of its design of a round: ``secagg@1``."""
        ...

    def advertise(self, own: OwnSecrets) -> PublicKeys:
        """Return the keys that a member advertises."""
        ...

    def deal(self, own: OwnSecrets, share_holders: ShareHolders, member: str) -> bytes:
        """Return the blob of shares that a member deals to all holders."""
        ...

    def is_sound(
        self, own: OwnSecrets, share_holders: ShareHolders, dealer: str, member: str, deal: bytes
    ) -> bool:
        """Return whether a member got from a deal what its dealer committed to."""
        ...

    def protect(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector
    ) -> bytes:
        """Return the blob that hides a member's vector; the vector may be overwritten.

        It is made once an attempt and kept: two vectors under one attempt's secrets would show
        their difference.
        """
        ...

    def check(self, data: bytes, parameters: int, ring: int, exponent: int) -> None:
        """Accept the blob of a hidden vector that has the form of its attempt's.

        Args:
            data: the blob.
            parameters: d, how many coordinates the model has.
            ring: 32 or 64, of the attempt.
            exponent: e of the attempt.

        Raises:
            FormatError: the bytes are none, or of another attempt's shape.
        """
        ...

    def shares(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, deals: Mapping[str, bytes],
        survivors: frozenset[str],
    ) -> dict[str, bytes]:  # fmt: skip
        """Return the share that a member posts of each dealer's secret, never of both.

        Args:
            own: the member's.
            agreement: the attempt's.
            member: who posts.
            deals: the blobs of the deals that the member found sound, by dealer.
            survivors: whose vectors are in the sum.
        """
        ...

    def forged(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return holder and dealer of each posted share that is another than its holder was dealt.

        Args:
            agreement: the attempt's.
            parameters: d, how many coordinates the model has.
            hidden: the blobs of the survivors' vectors.
            deals: the blobs of all deals, by dealer.
            posted: the shares on the ledger.

        Raises:
            FormatError: a blob is malformed.
        """
        ...

    def cheated(
        self, agreement: FixedDeals, deals: Mapping[str, bytes], posted: Posted,
        survivors: frozenset[str],
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return dealer and holder of each share that its dealer can be shown to have dealt wrong.

        The secrets that were opened tell; what stays secret shows nothing of its deal.
        """
        ...
