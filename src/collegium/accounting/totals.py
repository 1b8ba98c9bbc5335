"""What several studies cost a unit together: divergences add up, over the worst of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from collegium.accounting.conversion import Charge, added, micro_epsilon, times
from collegium.accounting.terms import PrivacyTerms

_MOST = 12
"""Studies whose parts are tried in every combination; of more, the worst at each order."""


def ways_lost(terms: PrivacyTerms, rounds: int, *, evaluated: bool) -> tuple[Charge, ...]:
    """Return what a study costs a unit of the training part and, if any is told of it, of the test.

    Args:
        terms: what the study registered.
        rounds: how many the site was charged for.
        evaluated: whether the site posted its statement.
    """
    trained = added(terms.setup, times(terms.charge, rounds))
    return (trained, terms.evaluation) if evaluated else (trained,)


def in_all(studies: Iterable[tuple[Charge, ...]], converting: Sequence[int]) -> int:
    """Return the most that a unit has lost, whichever part of each study it is in: micro-epsilon.

    Args:
        studies: what each costs, by the part that a unit may be in.
        converting: from divergences to epsilon, at one delta.
    """
    ways = list(studies)
    if len(ways) > _MOST:
        ways = [(tuple(map(max, zip(*parts, strict=True))),) for parts in ways]
    return max(
        (micro_epsilon(added(*chosen), converting) for chosen in product(*ways) if chosen),
        default=0,
    )
