"""Changes that members may propose: of the membership, of rules, and what mechanisms add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from collegium.ledger.contract.declared import union_of
from collegium.ledger.contract.fields import Digest, MemberId, ModuleName, SignatureText
from collegium.ledger.genesis import Member


class Admit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="admit"):
    """Proposed: a new member."""

    member: Member


class Expel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="expel"):
    """Proposed: an end to a membership."""

    member: MemberId


class Rotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="rotate"):
    """Proposed: a new key for a member, signed for by the new key (over the proposal's id).

    With `consensus` the member's other key is replaced as well, by one that signs for nothing here:
    whoever may speak by the new key of transactions names it.
    """

    key: Digest
    member: MemberId
    proof: SignatureText
    consensus: Digest | msgspec.UnsetType = msgspec.UNSET


class Adopt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="adopt"):
    """Proposed: studies may use a module, such as ``scores@2``, that the genesis did not admit."""

    module: ModuleName


if TYPE_CHECKING:
    Action = Admit | Adopt | Expel | Rotate | msgspec.Struct
else:
    Action = union_of((Admit, Adopt, Expel, Rotate), "actions")
