"""How a participant binds itself to what it sends in an attempt, and opens that again."""

from __future__ import annotations

import msgspec

from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.federation.view import StudyView
from collegium.ledger.contract.declared import together
from collegium.ledger.contract.transactions import UpdateCommit, UpdateReveal
from collegium.ledger.contract.updates import commitment
from collegium.mechanisms.dealing.terms import SoundDeals
from collegium.mechanisms.sum_check.terms import Point


def commit_to(
    identity: Identity, view: StudyView, name: bytes, sound: bytes | None = None,
    point: bytes | None = None,
) -> bytes:  # fmt: skip
    """Return the signed commitment to a blob.

    Args:
        identity: the participant's.
        view: the ledger's word.
        name: the blob's digest.
        sound: the bitmap of whose deals are sound, where vectors are hidden.
        point: the commitment to what is hidden, where one is asked for.
    """
    salt = identity.salt(view.study, view.number, view.attempt)
    bound = commitment(
        identity.genesis, view.study, view.number, view.attempt, identity.member, name, salt
    )
    return identity.sign(
        UpdateCommit, study=view.study, round=view.number, attempt=view.attempt,
        commitment=to_text(bound),
        parts=together(
            "commit",
            (
                None if sound is None else SoundDeals(deals=to_text(sound)),
                None if point is None else Point(point=to_text(point)),
            ),
        ),
    )  # fmt: skip


def reveal_of(
    identity: Identity, view: StudyView, name: bytes, *, peak: int = 0, saturated: int = 0,
    sealed: bytes | None = None,
) -> bytes:  # fmt: skip
    """Return the signed opening of a commitment.

    Args:
        identity: the participant's.
        view: the ledger's word.
        name: the digest that was committed to.
        peak: the largest magnitude in a plain update.
        saturated: how many of its coordinates are.
        sealed: the digest of the blob that holds it for the validators alone, if one does.
    """
    salt = identity.salt(view.study, view.number, view.attempt)
    return identity.sign(
        UpdateReveal, study=view.study, round=view.number, attempt=view.attempt,
        digest=to_text(name), salt=to_text(salt), peak=peak, saturated=saturated,
        sealed=msgspec.UNSET if sealed is None else to_text(sealed),
    )  # fmt: skip
