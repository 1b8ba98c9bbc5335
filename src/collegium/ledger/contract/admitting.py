"""Which transactions a ledger knows: those of its own, and of the modules that it admits."""

from __future__ import annotations

from collegium.ledger.contract.declared import given_parts, owners
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.tables import MODULES
from collegium.ledger.contract.transactions import (
    MemberPropose,
    RoundVote,
    StudyRegister,
    Transaction,
    UpdateCommit,
)
from collegium.ledger.state import State


def require_admitted(state: State, transaction: Transaction) -> None:
    """Refuse what belongs to modules that the ledger does not admit.

    What is installed beside them makes no difference: without it these bytes could not be read.
    So this comes right after decoding, be it a transaction or half of a proof.

    Raises:
        Rejected: as malformed, before anything else is looked at.
    """
    kinds: list[type] = [type(transaction)]
    if isinstance(transaction, MemberPropose):
        kinds.append(type(transaction.action))
    elif isinstance(transaction, StudyRegister):
        kinds += map(type, given_parts(transaction.terms))
    elif isinstance(transaction, UpdateCommit):
        kinds += map(type, given_parts(transaction.parts))
    elif isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult):
        kinds += map(type, given_parts(transaction.result.parts))
    known = owners()
    for kind in kinds:
        admitted = known.get(kind)
        if admitted is not None and not any(state.has(MODULES, name) for name in admitted):
            raise Rejected("malformed", f"this ledger does not admit the module {admitted[0]}")
