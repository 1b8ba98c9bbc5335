"""Seeded traps: in some rounds a site reveals what is no update, to see who vouches for it.

Validators that look refuse it and lose nothing but that site's update; one that attests without
looking signs a statement which anybody can refute (Luu, Teutsch, Kulkarni and Saxena, CCS 2015,
name the dilemma that makes laziness pay). In a simulation the study's seed draws the rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.data.randomness import draws
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.threats.attack import AdversaryContext
from collegium.threats.malformed import MalformingSite, forbidden


@dataclass(frozen=True, slots=True)
class TrapSite:
    """A site that is a trap in the rounds where it is drawn."""

    honest: Participant
    place: AdversaryContext
    share: float
    seed: int

    @property
    def name(self) -> str:
        """The site's name."""
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from the site, or the trap in its place."""
        if view.round is None:
            return self.honest.reconcile(view, idle=idle)
        drawn = trapping(self.share, self.seed, view.number, tuple(view.participants))
        if drawn != self.place.identity.member:
            return self.honest.reconcile(view, idle=idle)
        return MalformingSite(self.honest, self.place, forbidden).reconcile(view, idle=idle)


def trapping(share: float, seed: int, number: int, names: Sequence[str]) -> str | None:
    """Return who is the trap of a round with these participants, or None if there is none."""
    lots = draws("trap", seed, number)
    if lots.uniform() >= share:
        return None
    return names[int(lots.permutation(len(names))[0])]
