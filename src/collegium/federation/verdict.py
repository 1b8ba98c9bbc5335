"""What a validator votes on an attempt."""

from __future__ import annotations

import msgspec

from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.ledger.contract.fields import Reason
from collegium.ledger.contract.transactions import RoundVote
from collegium.secrecy.outcome import Outcome
from collegium.secrecy.secure_sum import Flaw
from collegium.secrecy.sums import Unfit


class Verdict(msgspec.Struct, frozen=True):
    """What a validator votes on an attempt.

    `model` is the digest of the recomputed model, which is published, or `fail` says why there is
    none. `saturated` and `small` are what a sum of masked updates tells, `blames` is a dealer that
    can be shown to have cheated. `early` says that training is over by the study's patience,
    `within` what the updates tell of being within a clip that follows them, `validation` what the
    round told of the model that it started from, if it told anything. `without` names groups that
    the model is made without. `total` is the blob of a sum of statistics, in the place of a model.
    """

    model: bytes | None = None
    fail: Reason | None = None
    saturated: int | None = None
    small: int | None = None
    blames: str | None = None
    early: bool = False
    within: int | None = None
    validation: int | None = None
    without: tuple[int, ...] = ()
    total: bytes | None = None

    def ballot(self, identity: Identity, study: str, number: int, attempt: int) -> bytes:
        """Return the signed vote."""
        said: dict[str, object] = {
            "model": None if self.model is None else to_text(self.model), "fail": self.fail,
            "total": None if self.total is None else to_text(self.total),
            "saturated": self.saturated, "small": self.small, "blames": self.blames,
            "ends": "early" if self.early else None, "within": self.within,
            "validation": self.validation,
            "without": self.without or None,
        }  # fmt: skip
        given = {key: value for key, value in said.items() if value is not None}
        return identity.sign(RoundVote, study=study, round=number, attempt=attempt, **given)


def failure(found: Outcome) -> Verdict:
    """Return the verdict on hidden updates that lead to no model."""
    why = found.refused.get(0)
    if why is not None:
        return failed_sum(why)
    return Verdict(fail="refused")  # more groups are none of honest updates than are to be borne


def failed_sum(why: Flaw | Unfit) -> Verdict:
    """Return the verdict on hidden vectors that add up to nothing."""
    if isinstance(why, Flaw):
        return Verdict(fail=why.why, blames=why.dealer if why.why == "deal" else None)
    return Verdict(fail="sum" if why.why == "commitments" else "malformed")


UNAVAILABLE = Verdict(fail="unavailable")
