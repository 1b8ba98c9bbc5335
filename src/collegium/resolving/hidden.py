"""From hidden vectors to what their sum says, be it of everybody or of each group."""

from __future__ import annotations

import msgspec

from collegium.canonical import to_text
from collegium.data.tabular.agreement import Agreement, decode_agreement
from collegium.data.tabular.counting import concluded, largest_counts
from collegium.learning.blobs import digest
from collegium.learning.evaluation.counts import LENGTH, agrees, largest
from collegium.learning.evaluation.summed import encode_sum, summed
from collegium.ledger.contract.circle import shares_by_dealer
from collegium.ledger.contract.phases import opens_one_key
from collegium.ledger.contract.results import Failure, SumResult
from collegium.ledger.contract.summing import is_sum, step_of
from collegium.ledger.contract.tables import sent_of
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.making import made
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Absence, Lacking, Resolved, unopened
from collegium.secrecy.counted import total_counts
from collegium.secrecy.outcome import HiddenAttempt, outcome
from collegium.secrecy.pedersen import LIMBS
from collegium.secrecy.secure_sum import OF_THE_SUM, Flaw, Posted
from collegium.secrecy.sums import Sealed, Unfit
from collegium.study.tables import smallest_of


def hidden(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what the included hidden updates come to."""
    start = blobs.model(attempt.model)
    sealed, lost = _sealed(attempt, blobs, plan)
    found = outcome(HiddenAttempt(sealed, attempt.groups), start, plan.recipe(attempt, start))
    if found.model is None:
        everybody = found.refused.get(0)
        why = Failure(reason="refused") if everybody is None else unopened(everybody)
        return Resolved(why, refused=found.refused, absent=_gone(lost))
    return made(
        plan, found.model, found.refused, saturated=found.saturated, small=found.small,
        within=msgspec.UNSET if found.within is None else found.within,
    )  # fmt: skip


def evaluation(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what hidden counts of test rows come to; docs/spec page 19."""
    sealed, lost = _sealed(attempt, blobs, plan)
    counts = total_counts(plan.adding, sealed, largest())
    found: bytes | Flaw | Unfit
    if isinstance(counts, Flaw | Unfit):
        found = counts
    elif agrees(counts, sites := len(sealed.hidden)):
        found = encode_sum(summed(counts, sites, to_text(attempt.model)))
    else:
        found = Unfit("range")
    return _total(found, lost)


def set_up(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what sites agree on by hidden counts of their tables; docs/spec page 19."""
    sealed, lost = _sealed(attempt, blobs, plan)
    before = agreed_before(attempt, blobs)
    if before is None:
        raise Lacking("agreement")
    counts = total_counts(plan.adding, sealed, largest_counts(before))
    if isinstance(counts, Flaw | Unfit):
        return _total(counts, lost)
    sites, smallest = tuple(sealed.hidden), smallest_of(plan.document)
    return _total(concluded(before, counts, sites, smallest) or Unfit("range"), lost)


def _total(found: bytes | Flaw | Unfit, lost: int) -> Resolved:
    if isinstance(found, bytes):
        return Resolved(SumResult(total=to_text(digest(found))), found)
    return Resolved(unopened(found), refused={0: found}, absent=_gone(lost))


def _gone(shares: int) -> tuple[Absence, ...]:
    missing: Absence = "missing"
    return (missing,) * shares


def agreed_before(attempt: Attempt, blobs: Blobs) -> Agreement | None:
    """Return what was agreed before a step of set-up that is summed, if it is to be had.

    Raises:
        FormatError: it is malformed.
    """
    named = {} if attempt.agreed is None else blobs.named({"": attempt.agreed})
    return decode_agreement(named[""]) if named else None


def size_of(attempt: Attempt, blobs: Blobs) -> int | None:
    """Return how many coordinates a hidden vector has beside its indicators.

    None where that depends on an agreement that is not to be had.
    """
    if step_of(attempt.number) is not None:
        before = agreed_before(attempt, blobs)
        return None if before is None else largest_counts(before).size
    if is_sum(attempt.number):
        return LENGTH
    return sent_of(attempt.terms) + (LIMBS if isinstance(attempt.terms.sum_check, str) else 0)


def posted_shares(attempt: Attempt, blobs: Blobs) -> Posted:
    """Return the posted shares by holder and dealer, without those whose blob cannot be had."""
    if opens_one_key(attempt.terms.design):
        found = blobs.named(attempt.shares)
        return {holder: {OF_THE_SUM: data} for holder, data in found.items()}
    return {
        holder: shares_by_dealer(shares, attempt.sound[holder])
        for holder, shares in attempt.shares.items()
    }


def _sealed(attempt: Attempt, blobs: Blobs, plan: Plan) -> tuple[Sealed, int]:
    """Return what the sum is made of, and how many shares that were posted are not to be had.

    Raises:
        Lacking: a vector or a deal is not to be had.
    """
    if not attempt.included:
        raise Lacking
    vectors, deals = blobs.hidden(attempt)
    posted = posted_shares(attempt, blobs)
    points = {name: attempt.points[name] for name in attempt.included if name in attempt.points}
    sealed = Sealed(
        attempt.agreement, attempt.weights, vectors, deals, posted, points, plan.longest(attempt)
    )
    return sealed, len(attempt.shares) - len(posted)
