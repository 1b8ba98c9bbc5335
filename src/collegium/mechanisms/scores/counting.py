"""What scores take: every update on a validator's own rows, or an update made of these."""

from __future__ import annotations

from collegium.devices.work import Work
from collegium.learning.models import forward_flops
from collegium.ledger.contract.transactions import Transaction
from collegium.mechanisms.scores.terms import MECHANISM, ScoreCommit
from collegium.simulation.counted_work import Case, Counts
from collegium.study.searching import at_round


def _counts(case: Case, transaction: Transaction) -> Work | None:
    """Return a scorer's work before it commits to its scores."""
    scores = case.study.aggregation.scores
    if not isinstance(transaction, ScoreCommit):
        return None
    rows = case.reserved.get(MECHANISM.name, 0)
    if scores is not None and scores.by == "direction":
        tried, _ = at_round(case.study, case.view.number)
        return Work(case.training(rows, tried.training.local_epochs))
    return Work(forward_flops(case.spec) * rows * (1 + len(case.here.included)))


COUNTS: Counts = _counts
