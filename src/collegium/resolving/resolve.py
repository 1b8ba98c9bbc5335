"""What an attempt comes to: every validator, auditor and simulation calculates it here."""

from __future__ import annotations

from collections.abc import Callable

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.contract.fields import Reason
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.series import series_of
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Lacking, Resolved
from collegium.resolving.seam import every_resolving


def resolve(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what an attempt whose survivors are fixed comes to, the same bits on every machine.

    Args:
        attempt: what the ledger fixed.
        blobs: what is behind its digests.
        plan: what document and registration say.
    """
    try:
        return _resolver(attempt)(attempt, blobs, plan)
    except Lacking as lacking:
        return Resolved(None, absent=lacking.absent)
    except CollegiumError as error:
        return Resolved(Failure(reason=_reason(error)), error=error)


def _resolver(attempt: Attempt) -> Callable[[Attempt, Blobs, Plan], Resolved]:
    """Return what resolves an attempt: the mechanism of its series, or what carries updates."""
    name = series_of(attempt.number)
    for one in every_resolving().values():
        if name in one.series:
            return one.series[name]
    carrier = every_resolving()[attempt.terms.design].resolves
    if carrier is None:
        raise LookupError(attempt.terms.design)
    return carrier


def _reason(error: CollegiumError) -> Reason:
    if isinstance(error, FormatError):
        return "malformed"
    return "arithmetic" if isinstance(error, RunError) else "refused"
