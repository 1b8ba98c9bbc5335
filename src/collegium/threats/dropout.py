"""Sites that drop out: `floor(p x participants)` of them in every attempt, drawn by the seed.

A fault and no adversary. The draw is made before anything is revealed (architecture 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.data.randomness import draws
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.silence import SITES
from collegium.study.terms import dropouts


@dataclass(frozen=True, slots=True)
class DroppingOut:
    """A site that says nothing in the attempts where it is drawn, and is there before the next."""

    honest: Participant
    member: str
    share: float
    seed: int

    @property
    def name(self) -> str:
        """The site's name."""
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from the site, or nothing where it has dropped out."""
        if view.round is None:
            return self.honest.reconcile(view, idle=idle)
        silent = absent(self.share, self.seed, view.number, view.attempt, tuple(view.participants))
        if (SITES, self.member) in view.silences:
            return self.honest.reconcile(view, idle=idle)  # it says that it is there, and no more
        return [] if self.member in silent else self.honest.reconcile(view, idle=idle)


def absent(
    share: float, seed: int, number: int, attempt: int, names: Sequence[str]
) -> frozenset[str]:
    """Return who drops out of an attempt of a round with these participants."""
    count = dropouts(share, len(names))
    if not count:
        return frozenset()
    order = draws("dropout", seed, number, attempt).permutation(len(names))
    return frozenset(names[index] for index in order[:count])
