"""What is said of commitments to what is masked; docs/spec/17-groups.md, docs/decisions/0074."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.ledger.contract.fields import Digest
from collegium.ledger.contract.mechanism import Mechanism


class SumCheckTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`by`: with which commitments sums are checked."""

    by: Literal["pedersen"]


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a commitment: a Pedersen commitment to what is under the mask."""

    point: Digest


MECHANISM = Mechanism(
    "sum_check", 1, parts={"terms": SumCheckTerms, "commit": Point}, requires=("dealing",)
)
