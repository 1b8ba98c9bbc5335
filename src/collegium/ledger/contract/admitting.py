"""Which transactions a ledger knows: those of its own, and of the modules that it admits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

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
    kind, known = type(transaction), owners()
    parts = _PARTS.get(kind)
    if parts is None and kind not in known:
        return
    added = () if parts is None else map(type, parts(transaction))
    for one in (kind, *added):
        admitted = known.get(one)
        if admitted is not None and not any(state.has(MODULES, name) for name in admitted):
            raise Rejected("malformed", f"this ledger does not admit the module {admitted[0]}")


def _told(transaction: RoundVote) -> list[msgspec.Struct]:
    result = transaction.result
    return given_parts(result.parts) if isinstance(result, ModelResult) else []


_PARTS: Mapping[type[Transaction], Callable[[Any], Sequence[msgspec.Struct]]] = {
    MemberPropose: lambda tx: (tx.action,),
    StudyRegister: lambda tx: given_parts(tx.terms),
    UpdateCommit: lambda tx: given_parts(tx.parts),
    RoundVote: _told,
}
"""What may belong to a module, although the kind of transaction belongs to none."""
