"""What commitments to what is masked take: a scalar for as many coordinates as have room in it."""

from __future__ import annotations

from collegium.devices.work import Work
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import RoundVote, Transaction, UpdateCommit
from collegium.mechanisms.sum_check.pedersen import scalars_of
from collegium.simulation.counted_work import Case, Counts


def _counts(case: Case, transaction: Transaction) -> Work | None:
    """Return the work of whoever commits, and of a validator that checks the sums by it."""
    here = case.view.here
    if here is None:
        return None
    scalars = 1 + scalars_of(case.parameters, here.ring)
    if isinstance(transaction, UpdateCommit):
        return Work(operations={"committed_scalar": scalars})
    if isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult):
        sums = len(set(here.groups.values())) or 1
        return Work(operations={"committed_scalar": scalars * sums})
    return None


COUNTS: Counts = _counts
