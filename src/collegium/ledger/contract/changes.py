"""Changes that members may propose: of the membership, and of a standing that statistics took."""

from __future__ import annotations

import msgspec

from collegium.ledger.contract.fields import Digest, MemberId, SignatureText, StudyId
from collegium.ledger.genesis import Member


class Admit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="admit"):
    """Proposed: a new member."""

    member: Member


class Expel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="expel"):
    """Proposed: an end to a membership."""

    member: MemberId


class Rotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="rotate"):
    """Proposed: a new key for a member, signed for by the new key (over the proposal's id)."""

    key: Digest
    member: MemberId
    proof: SignatureText


class Restore(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="restore"
):
    """Proposed: a member's standing in a study as at its start; scores demote it there no more."""

    member: MemberId
    study: StudyId


Action = Admit | Expel | Rotate | Restore
