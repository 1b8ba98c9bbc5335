"""An attempt with hidden updates, gathered from the ledger's word and the blobs behind it."""

from __future__ import annotations

from collegium.data.tabular.counting import largest_counts
from collegium.federation.circles import agreement_of, groups_in, posted_shares
from collegium.federation.exchange import Blobs
from collegium.federation.sealing import blob_of
from collegium.federation.statistics import agreed_before
from collegium.federation.view import StudyView
from collegium.learning.aggregation.groups import norm_bound
from collegium.learning.evaluation.counts import LENGTH
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.rules import sent_of
from collegium.ledger.contract.series import is_sum, step_of
from collegium.ledger.contract.tables import RoundRecord
from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.secrecy.outcome import HiddenAttempt
from collegium.secrecy.pedersen import LIMBS
from collegium.secrecy.sums import Sealed
from collegium.study.document import Study


def hidden_size(view: StudyView, blobs: Blobs, number: int) -> int | None:
    """Return how many coordinates a hidden vector of a round has beside its indicators.

    None where that depends on an agreement that is not to be had.
    """
    if step_of(number) is not None:
        before = agreed_before(view, blobs)
        return None if before is None else largest_counts(before).size
    if is_sum(number):
        return LENGTH
    registration = view.terms(number)
    checked = part_of(registration.terms, SumCheckTerms) is not None
    return sent_of(registration) + (LIMBS if checked else 0)


def hidden_attempt(
    view: StudyView, blobs: Blobs, genesis: bytes, number: int, record: RoundRecord, model: bytes,
    study: Study,
) -> HiddenAttempt | None:  # fmt: skip
    """Return an attempt whose survivors are fixed, or None where a blob is not to be had.

    Args:
        view: the ledger's word.
        blobs: of updates and deals.
        genesis: the ledger's digest.
        number: the round.
        record: the round's; its attempt is meant.
        model: digest of the model that the round starts from.
        study: the document.
    """
    attempt = record.attempt
    agreement = agreement_of(view, genesis, number, record, model)
    included = view.included(number, attempt)
    points = view.entries("points", number, attempt)
    wanted = [blob_of(reveal) for _, reveal, _ in included]
    found = blobs.fetch_all([*wanted, *agreement.deals.values()])
    present = [data for data in found if data is not None]
    if len(present) < len(found) or not included:
        return None
    secure = None if is_sum(number) else study.privacy.secure_aggregation
    longest = None if secure is None else secure.norm_bound
    sealed = Sealed(
        agreement,
        {name: weight for name, _, weight in included},
        dict(zip((name for name, _, _ in included), present, strict=False)),
        dict(zip(agreement.deals, present[len(included) :], strict=True)),
        posted_shares(view, blobs, number, attempt),
        {name: points[name] for name, _, _ in included if name in points},
        None if longest is None else norm_bound(longest, record.exponent),
    )
    return HiddenAttempt(sealed, groups_in(view, number, attempt))
