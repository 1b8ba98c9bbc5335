"""What is said of differential privacy on the ledger; docs/spec/12-privacy.md."""

from __future__ import annotations

from typing import Annotated

import msgspec

from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.event import StudyEvent
from collegium.ledger.contract.mechanism import Mechanism


class Charged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of an opening round.

    `spent` is what each participant's units have lost once they took part: micro-epsilon. `clip`
    is k where the clip 2^(k/8) follows the updates.
    """

    clip: int | msgspec.UnsetType = msgspec.UNSET
    spent: tuple[int, ...]


class Within(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result: the sum of what updates tell of a clip that follows them."""

    within: Annotated[int, msgspec.Meta(ge=-(2**40), le=2**40)]


class BudgetExhausted(StudyEvent, frozen=True, kw_only=True, tag="budget.exhausted"):
    """A round is refused: these sites' budgets do not allow it, and too few others are left."""

    members: tuple[str, ...]
    round: int


MECHANISM = Mechanism(
    "privacy", 1,
    parts={"terms": PrivacyTerms, "opened": Charged, "result": Within},
    events=(BudgetExhausted,),
)  # fmt: skip
