"""Sites that drop out: `floor(p x participants)` of them in every attempt, drawn by the seed.

A fault and no adversary. The draw is made before anything is revealed (architecture 5).
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.data.randomness import draws
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.study.terms import dropouts


@dataclass(frozen=True, slots=True)
class DroppingOut:
    """A site that says nothing in the attempts where it is drawn."""

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
        if view.round is not None and self.member in self._absent(view):
            return []
        return self.honest.reconcile(view, idle=idle)

    def _absent(self, view: StudyView) -> list[str]:
        names = list(view.participants)
        count = dropouts(self.share, len(names))
        order = draws("dropout", self.seed, view.number, view.attempt).permutation(len(names))
        return [names[index] for index in order[:count]]
