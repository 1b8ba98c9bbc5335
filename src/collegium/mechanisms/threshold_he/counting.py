"""What encrypted sums take: keys that are dealt, updates that are encrypted, one key opened."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.devices.work import Work
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import (
    RoundVote,
    Transaction,
    UpdateCommit,
    kind_of,
)
from collegium.mechanisms.threshold_he.terms import SumOpen
from collegium.simulation.counted_work import Case, Counts


def _counts(case: Case, transaction: Transaction) -> Work | None:
    """Return the work of a dealer and holder, and a validator's for the sum."""
    here, size = case.view.here, case.parameters
    if here is None:
        return None
    if kind_of(transaction) == "sa.deal":
        return Work(operations={"encrypted_deal": len(here.keys)})
    if isinstance(transaction, UpdateCommit):
        return Work(operations={"encrypted_look": len(here.deals), "encrypted_coordinate": size})
    if isinstance(transaction, SumOpen):
        return Work(operations={"encrypted_look": len(here.included)})
    if isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult):
        down = sum(case.fetched(to_text(one)) for one in here.shares.values())
        added = size * len(here.included)
        return Work(down=down, operations={"added_coordinate": added, "opened_coordinate": size})
    return None


COUNTS: Counts = _counts
