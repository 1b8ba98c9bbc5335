"""What an attempt comes to: every validator, auditor and simulation calculates it here."""

from __future__ import annotations

from collections.abc import Callable

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.contract.fields import Reason
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.summing import is_sum, step_of
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.hidden import evaluation, hidden, set_up
from collegium.resolving.plain import plain, scored
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Lacking, Resolved

RESOLVERS: dict[str, Callable[[Attempt, Blobs, Plan], Resolved]] = {
    "plain": plain,
    "scored": scored,
    "secagg": hidden,
    "secagg_plus": hidden,
    "grouped_secagg": hidden,
    "threshold_he": hidden,
    "evaluation": evaluation,
    "set_up": set_up,
}
"""What resolves an attempt: by its design's name, or by what it sums."""


def resolve(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what an attempt whose survivors are fixed comes to, the same bits on every machine.

    Args:
        attempt: what the ledger fixed.
        blobs: what is behind its digests.
        plan: what document and registration say.
    """
    number = attempt.number
    name = attempt.terms.design.partition("@")[0]
    if is_sum(number):
        name = "evaluation" if step_of(number) is None else "set_up"
    try:
        return RESOLVERS[name](attempt, blobs, plan)
    except Lacking as lacking:
        return Resolved(None, absent=lacking.absent)
    except CollegiumError as error:
        return Resolved(Failure(reason=_reason(error)), error=error)


def _reason(error: CollegiumError) -> Reason:
    if isinstance(error, FormatError):
        return "malformed"
    return "arithmetic" if isinstance(error, RunError) else "refused"
