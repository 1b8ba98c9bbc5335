"""Secure aggregation with pairwise masks that survives drop-outs, against malicious members.

Bonawitz, Ivanov, Kreuter, Marcedone, McMahan, Patel, Ramage, Segal and Seth, "Practical Secure
Aggregation for Privacy-Preserving Machine Learning", CCS 2017, figure 4, and over a graph that is
drawn: Bell, Bonawitz, Gascón, Lepoint and Raykova, "Secure Single-Server Aggregation with
(Poly)Logarithmic Overhead", CCS 2020, algorithm 3. The ledger takes the server's place: it fixes
keys, graph, deals and survivors for everybody alike (docs/spec page 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from nacl import bindings

from collegium.errors import FormatError
from collegium.ledger.hashing import lp, tag
from collegium.ledger.hpke import expand, hkdf
from collegium.secrecy.deal import (
    Deal,
    Kind,
    agree,
    decode_deal,
    decode_stanzas,
    encode_deal,
    make_half,
    mask_private,
    open_share,
    secret_holds,
    sound_shares,
)
from collegium.secrecy.masked import decode_masked, encode_masked
from collegium.secrecy.masking import RingVector, add_masks, masked_sum
from collegium.secrecy.secure_sum import Flaw, OwnSecrets, Posted
from collegium.secrecy.setting import Agreement, Circle, PublicKeys
from collegium.secrecy.shamir import combine, from_element

_KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class SecAgg:
    """Masks between members who are neighbours, and one of each member's own.

    Who is whose neighbour is the circle's matter: everybody, or who is drawn.
    """

    name: str

    def advertise(self, own: OwnSecrets) -> PublicKeys:
        """Return the keys that a member advertises."""
        return PublicKeys(
            bindings.crypto_scalarmult_base(mask_private(own.mask)),
            bindings.crypto_scalarmult_base(own.share),
        )

    def deal(self, own: OwnSecrets, circle: Circle, member: str) -> bytes:
        """Return the blob of shares that a member deals to its holders."""
        secrets = {Kind.MASK: own.mask, Kind.SELF: own.own}
        return encode_deal(
            {kind: make_half(circle, member, kind, secret) for kind, secret in secrets.items()}
        )

    def is_sound(
        self, own: OwnSecrets, circle: Circle, dealer: str, member: str, deal: bytes
    ) -> bool:
        """Return whether a member got both its shares from a deal."""
        if member not in circle.holders(dealer):
            return False
        try:
            stanzas = decode_stanzas(deal, circle, dealer, member)
        except FormatError:
            return False
        return all(
            open_share(stanza, circle, dealer, kind, member, own.share) is not None
            for kind, stanza in stanzas.items()
        )

    def protect(
        self, own: OwnSecrets, agreement: Agreement, member: str, vector: RingVector
    ) -> bytes:
        """Return the blob of a member's vector under its masks; the vector is overwritten."""
        self.mask(own, agreement, member, vector)
        return encode_masked(vector, agreement.exponent)

    def check(self, data: bytes, parameters: int, ring: int, exponent: int) -> None:
        """Accept the blob of a masked vector that has the form of its attempt's."""
        decode_masked(data, parameters, ring, exponent)

    def mask(self, own: OwnSecrets, agreement: Agreement, member: str, vector: RingVector) -> None:
        """Add the member's own mask, and each mask that it shares with a neighbour who dealt."""
        transcript = agreement.transcript()
        private = mask_private(own.mask)
        plus, minus = [_own_key(own.own, transcript, member)], list[bytes]()
        for other in agreement.circle.partners(member):
            if other in agreement.deals:
                key = _pair_key(private, agreement, transcript, member, other)
                (plus if member < other else minus).append(key)
        add_masks(vector, plus, minus)

    def shares(
        self, own: OwnSecrets, agreement: Agreement, member: str, deals: Mapping[str, bytes],
        survivors: frozenset[str],
    ) -> dict[str, bytes]:  # fmt: skip
        """Return the share that a member posts of each dealer's secret, never of both."""
        circle = agreement.circle
        found = {}
        for dealer, blob in deals.items():
            if member not in circle.holders(dealer):
                continue
            kind = _opened_kind(dealer, survivors)
            stanza = decode_stanzas(blob, circle, dealer, member)[kind]
            share = open_share(stanza, circle, dealer, kind, member, own.share)
            if share is not None:
                found[dealer] = share
        return found

    def total(
        self, agreement: Agreement, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> RingVector | Flaw:  # fmt: skip
        """Return the sum of the vectors in masked updates, or who stands in its way."""
        masked = {
            name: decode_masked(data, parameters, agreement.ring, agreement.exponent)
            for name, data in hidden.items()
        }
        return self.unmask(agreement, masked, deals, posted)

    def unmask(
        self, agreement: Agreement, masked: Mapping[str, RingVector], deals: Mapping[str, bytes],
        posted: Posted,
    ) -> RingVector | Flaw:  # fmt: skip
        """Return the sum of the vectors behind masked ones, or who stands in its way."""
        survivors = frozenset(masked)
        transcript = agreement.transcript()
        plus, minus = list[bytes](), list[bytes]()
        for dealer, kind, _, secret in _opened(agreement, deals, posted, survivors):
            if isinstance(secret, Flaw):
                return secret
            if kind is Kind.SELF:
                minus.append(_own_key(secret, transcript, dealer))
                continue
            private = mask_private(secret)
            for other in survivors.intersection(agreement.circle.partners(dealer)):
                key = _pair_key(private, agreement, transcript, dealer, other)
                (plus if dealer < other else minus).append(key)
        return masked_sum(list(masked.values()), plus, minus)

    def forged(
        self, agreement: Agreement, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return holder and dealer of each posted share that its dealer did not commit to."""
        circle, survivors = agreement.circle, frozenset(hidden)
        found = []
        for dealer, blob in deals.items():
            kind = _opened_kind(dealer, survivors)
            try:
                half = decode_deal(blob, circle, dealer)[kind]
            except FormatError:
                continue
            right = {number for number, _ in sound_shares(half, circle, dealer, kind, posted)}
            found += [
                (holder, dealer)
                for number, holder in enumerate(circle.holders(dealer), 1)
                if dealer in posted.get(holder, {}) and number not in right
            ]
        return sorted(found)

    def cheated(
        self, agreement: Agreement, deals: Mapping[str, bytes], posted: Posted,
        survivors: frozenset[str],
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return dealer and holder of each share that its dealer can be shown to have dealt wrong.

        Where the shares combine to no secret behind the deal, that is every holder.
        """
        circle = agreement.circle
        found = []
        for dealer, kind, deal, secret in _opened(agreement, deals, posted, survivors):
            if isinstance(secret, Flaw):
                if secret.why == "deal":
                    found += [(dealer, holder) for holder in circle.holders(dealer)]
                continue
            right, given = make_half(circle, dealer, kind, secret), deal[kind]
            pairs = zip(
                circle.holders(dealer),
                zip(right.commitments, right.ciphertexts, strict=True),
                zip(given.commitments, given.ciphertexts, strict=True),
                strict=True,
            )
            found += [(dealer, holder) for holder, ours, theirs in pairs if ours != theirs]
        return found


def _opened_kind(dealer: str, survivors: frozenset[str]) -> Kind:
    return Kind.SELF if dealer in survivors else Kind.MASK


def _opened(
    agreement: Agreement, deals: Mapping[str, bytes], posted: Posted, survivors: frozenset[str]
) -> Iterator[tuple[str, Kind, Deal, int | Flaw]]:
    """Yield each dealer, which of its secrets is open, its deal, and the secret or what is wrong.

    The shares of the first holders that match their commitments are combined, threshold many.
    """
    circle = agreement.circle
    for dealer in agreement.deals:
        kind = _opened_kind(dealer, survivors)
        try:
            deal = decode_deal(deals[dealer], circle, dealer)
        except FormatError:
            yield dealer, kind, {}, Flaw("deal", dealer)
            continue
        matching = sound_shares(deal[kind], circle, dealer, kind, posted)
        good = list(islice(matching, circle.threshold))
        if len(good) < circle.threshold:
            yield dealer, kind, deal, Flaw("shares", dealer)
            continue
        holders, shares = zip(*good, strict=True)
        secret = combine(holders, shares)
        holds = secret_holds(deal[kind], circle, dealer, kind, secret)
        yield dealer, kind, deal, secret if holds else Flaw("deal", dealer)


def _own_key(secret: int, transcript: bytes, member: str) -> bytes:
    info = tag("secagg-own-mask") + transcript + lp(member.encode())
    return expand(from_element(secret), info, _KEY_SIZE)


def _pair_key(
    private: bytes, agreement: Agreement, transcript: bytes, member: str, other: str
) -> bytes:
    """Return the key of the mask between a member, whose private key is given, and another."""
    shared = agree(private, agreement.circle.keys[other].mask)
    first, second = sorted((member, other))
    names = lp(first.encode()) + lp(second.encode())
    return hkdf(shared, tag("secagg-pair-mask") + transcript + names, _KEY_SIZE)


SECAGG = SecAgg("secagg@1")
SECAGG_PLUS = SecAgg("secagg_plus@1")
