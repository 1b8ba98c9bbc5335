"""What a study registers about sums of statistics that only their sum is known of."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

EvaluationLayout = Literal["binary@1"]
"""What is counted of test rows, by the kind of target."""


TABLE: Literal["table@1"] = "table@1"
"""How sites count their tables in the set-up of a study of tables."""


class SumTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secure sums of statistics as registered; docs/spec/19-summed-statistics.md.

    Attributes:
        degree: neighbours that a site masks with; absent: all others.
        evaluation: what sites count of their test rows; absent: nothing.
        statistics: how sites count their tables in set-up; absent: they say what they have.
        threshold: shares that open a secret.
    """

    degree: Annotated[int, msgspec.Meta(ge=2, le=2**31)] | msgspec.UnsetType = msgspec.UNSET
    evaluation: EvaluationLayout | msgspec.UnsetType = msgspec.UNSET
    statistics: Literal["table@1"] | msgspec.UnsetType = msgspec.UNSET
    threshold: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
