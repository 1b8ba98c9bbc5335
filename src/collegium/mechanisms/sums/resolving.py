"""From hidden counts to what their sum says; docs/spec/19-summed-statistics.md."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.data.tabular.counting import concluded, largest_counts
from collegium.learning.blobs import digest
from collegium.learning.evaluation.counts import agrees, largest
from collegium.learning.evaluation.summed import encode_sum, summed
from collegium.ledger.contract.results import SumResult
from collegium.mechanisms.sums.counted import total_counts
from collegium.mechanisms.sums.rules import layouts_of
from collegium.mechanisms.sums.terms import MECHANISM
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.hidden import agreed_before, gone, sealed_of
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Lacking, Resolved, unopened
from collegium.resolving.seam import Resolving
from collegium.secrecy.secure_sum import SumFailure
from collegium.secrecy.sums import InconsistentSum
from collegium.study.tables import smallest_of


def evaluation(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what hidden counts of test rows come to; docs/spec page 19."""
    sealed, lost = sealed_of(attempt, blobs, plan)
    counts = total_counts(plan.adding, sealed, largest())
    found: bytes | SumFailure | InconsistentSum
    if isinstance(counts, SumFailure | InconsistentSum):
        found = counts
    elif agrees(counts, sites := len(sealed.hidden)):
        layout = layouts_of(attempt.terms).evaluation or "binary@1"
        found = encode_sum(summed(counts, sites, to_text(attempt.model), layout))
    else:
        found = InconsistentSum("range")
    return _total(found, lost)


def set_up(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what sites agree on by hidden counts of their tables; docs/spec page 19."""
    sealed, lost = sealed_of(attempt, blobs, plan)
    before = agreed_before(attempt, blobs)
    if before is None:
        raise Lacking("agreement")
    layout = layouts_of(attempt.terms).statistics or "table@1"
    counts = total_counts(plan.adding, sealed, largest_counts(before, layout))
    if isinstance(counts, SumFailure | InconsistentSum):
        return _total(counts, lost)
    sites, smallest = tuple(sealed.hidden), smallest_of(plan.document)
    told = concluded(before, counts, sites, smallest, layout)
    return _total(told or InconsistentSum("range"), lost)


def _total(found: bytes | SumFailure | InconsistentSum, lost: int) -> Resolved:
    if isinstance(found, bytes):
        return Resolved(SumResult(total=to_text(digest(found))), found)
    return Resolved(unopened(found), refused={0: found}, absent=gone(lost))


RESOLVING = Resolving(MECHANISM, series={"evaluation": evaluation, "statistics": set_up})
