"""What is said of groups on the ledger; docs/spec/17-groups.md."""

from __future__ import annotations

import msgspec

from collegium.ledger.contract.event import RoundEvent
from collegium.ledger.contract.fields import Digest, GroupNumbers, Positive
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction


class GroupTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count`: in how many groups masked updates are summed; `fewest`: how many a round needs."""

    count: Positive
    fewest: Positive


class SecaggBind(RoundTransaction, frozen=True, kw_only=True, tag="sa.bind"):
    """A participant binds itself to its keys before lots are drawn from everybody's."""

    commitment: Digest


class Without(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result: groups without which the model is made, since their sums are unsound."""

    groups: GroupNumbers


class GroupsDrawn(RoundEvent, frozen=True, kw_only=True, tag="groups.drawn"):
    """Lots put those who advertised keys into groups, counted from 1; a sum is opened of each."""

    groups: tuple[int, ...]
    members: tuple[str, ...]


class GroupsLost(RoundEvent, frozen=True, kw_only=True, tag="groups.lost"):
    """Fewer members than the threshold stayed with these groups, or a deal in them is contested."""

    groups: tuple[int, ...]
    phase: str


class GroupsRefused(RoundEvent, frozen=True, kw_only=True, tag="groups.refused"):
    """The voted model is made without these groups: their sums are none of honest updates."""

    groups: tuple[int, ...]


MECHANISM = Mechanism(
    "groups", 1,
    parts={"terms": GroupTerms, "result": Without},
    transactions=(SecaggBind,),
    events=(GroupsDrawn, GroupsLost, GroupsRefused),
    phases=(Phase("sa.bind", "participants", "sa.bind", "sa_bound", 5),),
    requires=("dealing", "secagg"),
)  # fmt: skip
