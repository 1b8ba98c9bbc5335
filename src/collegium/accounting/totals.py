"""What several studies cost a unit together: divergences add up, over the worst of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from collegium.accounting.conversion import Charge, added, micro_epsilon, times
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.units import PersonOr, borne_by
from collegium.accounting.updates import one_persons

_MOST = 12
"""Studies whose parts are tried in every combination; of more, the worst at each order."""


Ways = tuple[Charge, ...]
"""What a study costs, by the part that a unit may be in."""


@dataclass(frozen=True, slots=True)
class TookPart:
    """How a site took part in a study: for how many rounds it was charged, and whether it told.

    `evaluated` is whether the site posted its statement.
    """

    terms: PrivacyTerms
    rounds: int
    evaluated: bool

    @property
    def of_person(self) -> Ways:
        """What that costs one person of the site."""
        return ways_lost(one_persons(self.terms), self.rounds, evaluated=self.evaluated)

    @property
    def of_site(self) -> Ways:
        """What it costs the site as a whole, where that is the unit."""
        return ways_lost(self.terms, self.rounds, evaluated=self.evaluated)


@dataclass(frozen=True, slots=True)
class LostInAll:
    """What one person of a site, or the site as a whole (`client`), has lost in all studies.

    `spent` are millionths of epsilon at the delta of the study in which that is `strictest`.
    """

    unit: PersonOr
    spent: int
    strictest: PrivacyTerms
    studies: tuple[str, ...]


def lost_in_all(took_part: Mapping[str, TookPart]) -> Iterator[LostInAll]:
    """Yield what a person of a site has lost in all studies, and the site as a whole, if any.

    A study that protects persons bounds nothing of a whole site, which has many.
    """
    if not took_part:
        return
    yield _lost(borne_by([one.terms.unit for one in took_part.values()]), took_part)
    whole = {name: one for name, one in took_part.items() if one.terms.protects.whole_site}
    if whole:
        yield _lost("client", whole)


def _lost(unit: PersonOr, studies: Mapping[str, TookPart]) -> LostInAll:
    ways = (one.of_site if unit == "client" else one.of_person for one in studies.values())
    strictest = min((one.terms for one in studies.values()), key=lambda terms: terms.delta)
    return LostInAll(unit, in_all(ways, strictest.conversion), strictest, tuple(studies))


def ways_lost(terms: PrivacyTerms, rounds: int, *, evaluated: bool) -> Ways:
    """Return what a study costs a unit of the training part and, if any is told of it, of the test.

    Args:
        terms: what the study registered.
        rounds: how many the site was charged for.
        evaluated: whether the site posted its statement.
    """
    trained = added(terms.setup, times(terms.charge, rounds))
    return (trained, terms.evaluation) if evaluated else (trained,)


def in_all(studies: Iterable[Ways], converting: Sequence[int]) -> int:
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
