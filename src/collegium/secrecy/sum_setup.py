"""What everybody agrees on about one attempt with masked updates, as the ledger fixed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from collegium.ledger.hashing import lp, tag, tagged_hash, u64
from collegium.mechanisms.secagg_plus.graph import Graph, draw_graph


@dataclass(frozen=True, slots=True)
class AttemptId:
    """The attempt: on which ledger (its genesis digest), of which study, which round and try."""

    genesis: bytes
    study: str
    round: int
    attempt: int

    def encode(self) -> bytes:
        """Return the bytes that bind keys and shares to it."""
        study = lp(self.study.encode())
        return b"".join((tag("secagg"), self.genesis, study, u64(self.round), u64(self.attempt)))


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """X25519 keys that a member advertised for one attempt: to agree on masks, to get shares."""

    mask: bytes
    share: bytes


@dataclass(frozen=True)
class ShareHolders:
    """Who may hold shares in an attempt, with the keys they advertised, in order of ids.

    Attributes:
        place: the attempt.
        threshold: t, how many shares give a secret.
        keys: by member.
        ring: 32 or 64, in which the attempt's updates are summed.
        degree: how many neighbours each has in the graph that is drawn among them; None where
            everybody masks with everybody, and deals to all.
    """

    place: AttemptId
    threshold: int
    keys: Mapping[str, PublicKeys]
    ring: int = 32
    degree: int | None = None

    @cached_property
    def graph(self) -> Graph | None:
        """Each member's neighbours; None where everybody is everybody's."""
        if self.degree is None:
            return None
        keys = tuple((member, pair.mask + pair.share) for member, pair in self.keys.items())
        place = self.place
        return draw_graph(place.study, place.round, place.attempt, keys, self.degree)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each member's number, counted from 1, among all of the circle."""
        return {member: index for index, member in enumerate(self.keys, 1)}

    @cached_property
    def _everybody(self) -> tuple[str, ...]:
        return tuple(self.keys)

    def holders(self, dealer: str) -> tuple[str, ...]:
        """Return who holds a dealer's shares; the first is holder 1."""
        return self._everybody if self.graph is None else self.graph[dealer]

    def partners(self, member: str) -> tuple[str, ...]:
        """Return with whom a member shares masks, if they deal."""
        return tuple(other for other in self.holders(member) if other != member)

    @cached_property
    def bound(self) -> bytes:
        """The bytes that bind everything in a deal to this attempt."""
        return self.place.encode()


@dataclass(frozen=True, slots=True)
class FixedDeals:
    """An attempt whose deals are fixed: from here on, updates may be masked.

    Attributes:
        share_holders: who may hold shares.
        model: digest of the model from which training starts.
        exponent: e of the encoding.
        ring: 32 or 64.
        deals: digest of each dealer's deal, in order of ids; dealers are whose updates are summed.
        room: bits beyond 16 that an update may take.
        divisor: what weights are divided by before updates enter the sum. Both follow from the
            attempt's weights.
    """

    share_holders: ShareHolders
    model: bytes
    exponent: int
    ring: int
    deals: Mapping[str, bytes]
    room: int = 0
    divisor: int = 1

    def transcript(self) -> bytes:
        """Return a digest of all of it, which every mask depends on.

        Two members who saw different histories therefore share no mask: what they send does not
        add up to anything, and shows nothing.
        """
        parts = [self.share_holders.place.encode(), u64(self.share_holders.threshold)]
        if self.share_holders.degree is not None:
            parts.append(u64(self.share_holders.degree))
        parts += [self.model, u64(self.exponent + 2**32), u64(self.ring)]
        for member, keys in self.share_holders.keys.items():
            parts += [lp(member.encode()), keys.mask, keys.share]
        for member, deal in self.deals.items():
            parts += [lp(member.encode()), deal]
        return tagged_hash("secagg-transcript", *parts)
