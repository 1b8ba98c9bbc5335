"""From hidden vectors to what their sum says, be it of everybody or of each group."""

from __future__ import annotations

from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.data.tabular.counting import size_of_counts
from collegium.learning.evaluation.counts import LENGTH
from collegium.ledger.contract.declared import opens_one_key, part_of
from collegium.ledger.contract.results import Failure
from collegium.ledger.contract.rules import sent_of
from collegium.ledger.contract.series import is_sum, step_of
from collegium.mechanisms.dealing.rules import shares_by_dealer
from collegium.mechanisms.sum_check.pedersen import LIMBS
from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import Blobs
from collegium.resolving.making import made
from collegium.resolving.plan import Plan
from collegium.resolving.resolved import Absence, Lacking, Resolved, unopened
from collegium.resolving.seam import Found
from collegium.secrecy.outcome import HiddenAttempt, outcome
from collegium.secrecy.secure_sum import OF_THE_SUM, Posted
from collegium.secrecy.sums import SumInputs


def hidden(attempt: Attempt, blobs: Blobs, plan: Plan) -> Resolved:
    """Return what the included hidden updates come to."""
    start = blobs.model(attempt.model)
    sealed, lost = sealed_of(attempt, blobs, plan)
    found = outcome(HiddenAttempt(sealed, attempt.groups), start, plan.recipe(attempt, start))
    if found.model is None:
        everybody = found.refused.get(0)
        why = Failure(reason="refused") if everybody is None else unopened(everybody)
        return Resolved(why, refused=found.refused, absent=gone(lost))
    return made(Found(attempt, plan, found.model, summed=found))


def gone(shares: int) -> tuple[Absence, ...]:
    """Return an absence for each posted share that is not to be had."""
    missing: Absence = "missing"
    return (missing,) * shares


def agreed_before(attempt: Attempt, blobs: Blobs) -> AgreedPreparation | None:
    """Return what was agreed before a step of set-up that is summed, if it is to be had.

    Raises:
        FormatError: it is malformed.
    """
    named = {} if attempt.agreed is None else blobs.named({"": attempt.agreed})
    return decode_agreed(named[""]) if named else None


def size_of(attempt: Attempt, blobs: Blobs) -> int | None:
    """Return how many coordinates a hidden vector has beside its indicators.

    None where that depends on an agreement that is not to be had.
    """
    if step_of(attempt.number) is not None:
        before = agreed_before(attempt, blobs)
        return None if before is None else size_of_counts(before)
    if is_sum(attempt.number):
        return LENGTH
    return sent_of(attempt.terms) + (LIMBS if part_of(attempt.terms.terms, SumCheckTerms) else 0)


def posted_shares(attempt: Attempt, blobs: Blobs) -> Posted:
    """Return the posted shares by holder and dealer, without those whose blob cannot be had."""
    if opens_one_key(attempt.terms.design):
        found = blobs.named(attempt.shares)
        return {holder: {OF_THE_SUM: data} for holder, data in found.items()}
    return {
        holder: shares_by_dealer(shares, attempt.sound[holder])
        for holder, shares in attempt.shares.items()
    }


def sealed_of(attempt: Attempt, blobs: Blobs, plan: Plan) -> tuple[SumInputs, int]:
    """Return what the sum is made of, and how many shares that were posted are not to be had.

    Raises:
        Lacking: a vector or a deal is not to be had.
    """
    if not attempt.included:
        raise Lacking
    vectors, deals = blobs.hidden(attempt)
    posted = posted_shares(attempt, blobs)
    points = {name: attempt.points[name] for name in attempt.included if name in attempt.points}
    sealed = SumInputs(
        attempt.agreement, attempt.weights, vectors, deals, posted, points, plan.longest(attempt)
    )
    return sealed, len(attempt.shares) - len(posted)
