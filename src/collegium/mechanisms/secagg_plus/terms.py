"""What is registered of masks among neighbours; docs/spec/13-secure-aggregation.md."""

from __future__ import annotations

import msgspec

from collegium.ledger.contract.fields import Positive
from collegium.ledger.contract.mechanism import Mechanism
from collegium.mechanisms.secagg.terms import SHARE, SharePost


class GraphTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`degree`: neighbours a participant masks with."""

    degree: Positive


MECHANISM = Mechanism(
    "secagg_plus", 1, parts={"terms": GraphTerms}, transactions=(SharePost,), phases=(SHARE,),
    carries=True, hides=True, requires=("dealing",),
)  # fmt: skip
