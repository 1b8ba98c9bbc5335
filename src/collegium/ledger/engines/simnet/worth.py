"""What blocks tell of the worth of members' work, by which some protocols elect who proposes."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.ledger.application import AcceptedTransaction, Outcome
from collegium.ledger.contract.event import TellsWorth


def worth_in(outcomes: Sequence[Outcome], validators: Sequence[str]) -> tuple[tuple[int, ...], str]:
    """Return the worth of validators' work that a block told last, with the kind of event.

    Both are empty where it tells none. Who is not named has the lowest worth that is there.
    """
    found: tuple[int, ...] = ()
    told_by = ""
    for one in outcomes:
        for event in one.events if isinstance(one, AcceptedTransaction) else ():
            if isinstance(event, TellsWorth):
                told = event.worth()
                lowest = min(told.values(), default=0)
                found = tuple(told.get(name, lowest) for name in validators)
                told_by = str(event.__struct_config__.tag)
    return found, told_by
