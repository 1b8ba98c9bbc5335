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
    SecretKind,
    agree,
    deal_secret,
    decode_deal,
    decode_stanzas,
    encode_deal,
    mask_private,
    open_share,
    secret_holds,
    sound_shares,
)
from collegium.secrecy.masked import decode_masked, encode_masked
from collegium.secrecy.masking import RingVector, add_masks, masked_sum
from collegium.secrecy.secure_sum import OwnSecrets, Posted, SumFailure
from collegium.secrecy.shamir import combine, from_element
from collegium.secrecy.sum_setup import FixedDeals, PublicKeys, ShareHolders

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

    def deal(self, own: OwnSecrets, share_holders: ShareHolders, member: str) -> bytes:
        """Return the blob of shares that a member deals to its holders."""
        secrets = {SecretKind.MASK: own.mask, SecretKind.SELF: own.own}
        return encode_deal(
            {
                kind: deal_secret(share_holders, member, kind, secret)
                for kind, secret in secrets.items()
            }
        )

    def is_sound(
        self, own: OwnSecrets, share_holders: ShareHolders, dealer: str, member: str, deal: bytes
    ) -> bool:
        """Return whether a member got both its shares from a deal."""
        if member not in share_holders.holders(dealer):
            return False
        try:
            stanzas = decode_stanzas(deal, share_holders, dealer, member)
        except FormatError:
            return False
        return all(
            open_share(stanza, share_holders, dealer, kind, member, own.share) is not None
            for kind, stanza in stanzas.items()
        )

    def protect(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector
    ) -> bytes:
        """Return the blob of a member's vector under its masks; the vector is overwritten."""
        self.mask(own, agreement, member, vector)
        return encode_masked(vector, agreement.exponent)

    def check(self, data: bytes, parameters: int, ring: int, exponent: int) -> None:
        """Accept the blob of a masked vector that has the form of its attempt's."""
        decode_masked(data, parameters, ring, exponent)

    def mask(self, own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector) -> None:
        """Add the member's own mask, and each mask that it shares with a neighbour who dealt."""
        transcript = agreement.transcript()
        private = mask_private(own.mask)
        plus, minus = [_own_key(own.own, transcript, member)], list[bytes]()
        for other in agreement.share_holders.partners(member):
            if other in agreement.deals:
                key = _pair_key(private, agreement, transcript, member, other)
                (plus if member < other else minus).append(key)
        add_masks(vector, plus, minus)

    def shares(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, deals: Mapping[str, bytes],
        survivors: frozenset[str],
    ) -> dict[str, bytes]:  # fmt: skip
        """Return the share that a member posts of each dealer's secret, never of both."""
        share_holders = agreement.share_holders
        found = {}
        for dealer, blob in deals.items():
            if member not in share_holders.holders(dealer):
                continue
            kind = _opened_kind(dealer, survivors)
            stanza = decode_stanzas(blob, share_holders, dealer, member)[kind]
            share = open_share(stanza, share_holders, dealer, kind, member, own.share)
            if share is not None:
                found[dealer] = share
        return found

    def total(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> RingVector | SumFailure:  # fmt: skip
        """Return the sum of the vectors in masked updates, or who stands in its way."""
        masked = {
            name: decode_masked(data, parameters, agreement.ring, agreement.exponent)
            for name, data in hidden.items()
        }
        return self.unmask(agreement, masked, deals, posted)

    def unmask(
        self, agreement: FixedDeals, masked: Mapping[str, RingVector], deals: Mapping[str, bytes],
        posted: Posted,
    ) -> RingVector | SumFailure:  # fmt: skip
        """Return the sum of the vectors behind masked ones, or who stands in its way."""
        survivors = frozenset(masked)
        transcript = agreement.transcript()
        plus, minus = list[bytes](), list[bytes]()
        for dealer, kind, _, secret in _opened(agreement, deals, posted, survivors):
            if isinstance(secret, SumFailure):
                return secret
            if kind is SecretKind.SELF:
                minus.append(_own_key(secret, transcript, dealer))
                continue
            private = mask_private(secret)
            for other in survivors.intersection(agreement.share_holders.partners(dealer)):
                key = _pair_key(private, agreement, transcript, dealer, other)
                (plus if dealer < other else minus).append(key)
        return masked_sum(list(masked.values()), plus, minus)

    def forged(
        self, agreement: FixedDeals, parameters: int, hidden: Mapping[str, bytes],
        deals: Mapping[str, bytes], posted: Posted,
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return holder and dealer of each posted share that its dealer did not commit to."""
        share_holders, survivors = agreement.share_holders, frozenset(hidden)
        found = []
        for dealer, blob in deals.items():
            kind = _opened_kind(dealer, survivors)
            try:
                half = decode_deal(blob, share_holders, dealer)[kind]
            except FormatError:
                continue
            right = {
                number for number, _ in sound_shares(half, share_holders, dealer, kind, posted)
            }
            found += [
                (holder, dealer)
                for number, holder in enumerate(share_holders.holders(dealer), 1)
                if dealer in posted.get(holder, {}) and number not in right
            ]
        return sorted(found)

    def cheated(
        self, agreement: FixedDeals, deals: Mapping[str, bytes], posted: Posted,
        survivors: frozenset[str],
    ) -> list[tuple[str, str]]:  # fmt: skip
        """Return dealer and holder of each share that its dealer can be shown to have dealt wrong.

        Where the shares combine to no secret behind the deal, that is every holder.
        """
        share_holders = agreement.share_holders
        found = []
        for dealer, kind, deal, secret in _opened(agreement, deals, posted, survivors):
            if isinstance(secret, SumFailure):
                if secret.why == "deal":
                    found += [(dealer, holder) for holder in share_holders.holders(dealer)]
                continue
            right, given = deal_secret(share_holders, dealer, kind, secret), deal[kind]
            pairs = zip(
                share_holders.holders(dealer),
                zip(right.commitments, right.ciphertexts, strict=True),
                zip(given.commitments, given.ciphertexts, strict=True),
                strict=True,
            )
            found += [(dealer, holder) for holder, ours, theirs in pairs if ours != theirs]
        return found


def _opened_kind(dealer: str, survivors: frozenset[str]) -> SecretKind:
    return SecretKind.SELF if dealer in survivors else SecretKind.MASK


def _opened(
    agreement: FixedDeals, deals: Mapping[str, bytes], posted: Posted, survivors: frozenset[str]
) -> Iterator[tuple[str, SecretKind, Deal, int | SumFailure]]:
    """Yield each dealer, which of its secrets is open, its deal, and the secret or what is wrong.

    The shares of the first holders that match their commitments are combined, threshold many.
    """
    share_holders = agreement.share_holders
    for dealer in agreement.deals:
        kind = _opened_kind(dealer, survivors)
        try:
            deal = decode_deal(deals[dealer], share_holders, dealer)
        except FormatError:
            yield dealer, kind, {}, SumFailure("deal", dealer)
            continue
        matching = sound_shares(deal[kind], share_holders, dealer, kind, posted)
        good = list(islice(matching, share_holders.threshold))
        if len(good) < share_holders.threshold:
            yield dealer, kind, deal, SumFailure("shares", dealer)
            continue
        holders, shares = zip(*good, strict=True)
        secret = combine(holders, shares)
        holds = secret_holds(deal[kind], share_holders, dealer, kind, secret)
        yield dealer, kind, deal, secret if holds else SumFailure("deal", dealer)


def _own_key(secret: int, transcript: bytes, member: str) -> bytes:
    info = tag("secagg-own-mask") + transcript + lp(member.encode())
    return expand(from_element(secret), info, _KEY_SIZE)


def _pair_key(
    private: bytes, agreement: FixedDeals, transcript: bytes, member: str, other: str
) -> bytes:
    """Return the key of the mask between a member, whose private key is given, and another."""
    shared = agree(private, agreement.share_holders.keys[other].mask)
    first, second = sorted((member, other))
    names = lp(first.encode()) + lp(second.encode())
    return hkdf(shared, tag("secagg-pair-mask") + transcript + names, _KEY_SIZE)


SECAGG = SecAgg("secagg@1")
SECAGG_PLUS = SecAgg("secagg_plus@1")
