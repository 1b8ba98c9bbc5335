"""Sites that cheat in secure aggregation: with keys, deals or shares that are none, or with none.

They need a study with masked updates; docs/secure-aggregation.md says what comes of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from collegium import canonical
from collegium.canonical import from_text, to_text
from collegium.federation.view import StudyView
from collegium.ledger.contract.declared import opens_one_key, part_of, together
from collegium.ledger.contract.transactions import Transaction, UpdateCommit
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.dealing.rules import SHARE_SIZE
from collegium.mechanisms.dealing.terms import SecaggDeal, SecaggKeys, SoundDeals
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.sum_check.terms import Point
from collegium.mechanisms.threshold_he.key_shares import decode_key_deal, encode_key_deal
from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS
from collegium.mechanisms.threshold_he.terms import SumOpen
from collegium.secrecy.deal import (
    SecretKind,
    decode_deal,
    encode_deal,
    encrypt_shares,
    ephemeral_key,
)
from collegium.secrecy.sum_setup import ShareHolders
from collegium.threats.attack import AdversaryContext, Attack, MessageAttack, Twist, said
from collegium.threats.threat_model import ThreatModel

Forge = Callable[[AdversaryContext, StudyView, ShareHolders, bytes], bytes]


def _silent_about(*kinds: type[Transaction]) -> Twist:
    """Return what leaves out every message of some kinds."""

    def twist(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
        return [one for one in due if not isinstance(said(one), kinds)]

    return twist


def _deals(forge: Forge) -> Twist:
    """Return what deals something else, under a digest that fits."""

    def rewritten(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
        blobs = place.exchange.view(place.identity.member)
        here, twisted = view.here, []
        for envelope in due:
            transaction = said(envelope)
            if here is None or not isinstance(transaction, SecaggDeal):
                twisted.append(envelope)
                continue
            data = blobs.fetch(from_text(transaction.digest, DIGEST_SIZE))
            if data is None:
                raise LookupError(transaction.digest)
            share_holders = here.agreement_of(place.identity.member).share_holders
            name = blobs.publish(forge(place, view, share_holders, data))
            twisted.append(
                place.identity.sign(
                    SecaggDeal, study=view.study, round=view.number, attempt=view.attempt,
                    digest=to_text(name),
                )
            )  # fmt: skip
        return twisted

    return rewritten


def _garbled(
    place: AdversaryContext, view: StudyView, share_holders: ShareHolders, data: bytes
) -> bytes:
    """Deal everybody ciphertexts that hold no share."""
    if _encrypts(view):
        parameters = PARAMETERS[share_holders.ring]
        dealt = decode_key_deal(data, len(share_holders.keys), share_holders.threshold, parameters)
        return encode_key_deal(replace(dealt, ciphertexts=_turned(dealt.ciphertexts)))
    deal = decode_deal(data, share_holders, place.identity.member)
    half = deal[SecretKind.SELF]
    return encode_deal(
        {**deal, SecretKind.SELF: replace(half, ciphertexts=_turned(half.ciphertexts))}
    )


def _turned(ciphertexts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(bytes(byte ^ 0xFF for byte in one) for one in ciphertexts)


def _encrypts(view: StudyView) -> bool:
    """Return whether the study's updates are encrypted."""
    here = view.here
    return here is not None and opens_one_key(here.terms.design)


def _of_no_secret(
    place: AdversaryContext, view: StudyView, share_holders: ShareHolders, data: bytes
) -> bytes:
    """Deal everybody a share that it finds sound, of a polynomial that leads to no secret.

    Where updates are encrypted, it leads to another key than the one that encrypts.
    """
    member = place.identity.member
    own = place.identity.own_secrets(view.study, view.number, view.attempt)
    if _encrypts(view):
        return THRESHOLD_HE.deal(replace(own, own=own.own ^ 1), share_holders, member)
    deal = decode_deal(data, share_holders, place.identity.member)
    private = ephemeral_key(share_holders, member, SecretKind.SELF, own.own)
    shares = (
        bytes((number,)) * SHARE_SIZE for number in range(1, len(share_holders.holders(member)) + 1)
    )
    half = encrypt_shares(share_holders, member, SecretKind.SELF, private, shares)
    return encode_deal({**deal, SecretKind.SELF: half})


def _posts_others(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Post shares that nobody dealt."""
    twisted = []
    for envelope in due:
        transaction = said(envelope)
        if isinstance(transaction, SharePost):
            size = len(transaction.shares) * 3 // 4
            envelope = place.identity.sign(
                SharePost, study=view.study, round=view.number, attempt=view.attempt,
                shares=to_text(b"\1" * size),
            )  # fmt: skip
        if isinstance(transaction, SumOpen):
            envelope = _posts_another(place, view, transaction)
        twisted.append(envelope)
    return twisted


def _commits_to_another(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Commit to a vector of which nobody knows what it is, and mask an honest one."""
    twisted = []
    for envelope in due:
        transaction = said(envelope)
        if isinstance(transaction, UpdateCommit) and part_of(transaction.parts, Point) is not None:
            another = Point(point=to_text(place.identity.key.public))
            parts = together("commit", (part_of(transaction.parts, SoundDeals), another))
            transaction = msgspec.structs.replace(transaction, parts=parts)
            envelope = sign_envelope(canonical.encode(transaction), place.identity.key)
        twisted.append(envelope)
    return twisted


def _posts_another(place: AdversaryContext, view: StudyView, transaction: SumOpen) -> bytes:
    """Post a share of the sum's key with one coordinate changed."""
    blobs = place.exchange.view(place.identity.member)
    data = blobs.fetch(from_text(transaction.digest, DIGEST_SIZE))
    if data is None:
        raise LookupError(transaction.digest)
    name = blobs.publish(data[:-4] + bytes((data[-4] ^ 1,)) + data[-3:])
    return place.identity.sign(
        SumOpen, study=view.study, round=view.number, attempt=view.attempt, digest=to_text(name)
    )


_STALL = ThreatModel("a sum that cannot be opened", ("own",), ("shares",))

KEYLESS: Attack = MessageAttack(
    "keyless_site", "advertises no keys for masks", _STALL, "site", _silent_about(SecaggKeys)
)
DEALLESS: Attack = MessageAttack(
    "dealless_site", "deals no shares of its secrets", _STALL, "site", _silent_about(SecaggDeal)
)
SHARELESS: Attack = MessageAttack(
    "shareless_site",
    "posts no shares to open the sum",
    _STALL,
    "site",
    _silent_about(SharePost, SumOpen),
)
LYING_DEALER: Attack = MessageAttack(
    "lying_dealer", "deals ciphertexts that hold no share", _STALL, "site", _deals(_garbled)
)
SECRETLESS_DEALER: Attack = MessageAttack(
    "secretless_dealer", "deals shares that look sound and lead to no secret", _STALL, "site",
    _deals(_of_no_secret),
)  # fmt: skip
LYING_HOLDER: Attack = MessageAttack(
    "lying_holder", "posts shares that it was not dealt", _STALL, "site", _posts_others
)
LYING_COMMITTER: Attack = MessageAttack(
    "lying_committer", "commits to another vector than it masks",
    ThreatModel("a sum that is refused", ("own",), ("commitments",)), "site", _commits_to_another,
)  # fmt: skip
