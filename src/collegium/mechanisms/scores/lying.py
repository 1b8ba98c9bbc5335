"""How a validator lies in its scores.

A liar's scores go the way of every score: they are committed to, revealed and combined. What that
can do follows from the median: less than half of the scorers' power moves it within what honest
validators say, half or more moves it anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from collegium.federation.participant import Participant
from collegium.federation.speaking import Speaker
from collegium.federation.validator import Validator
from collegium.learning.encoding import Units
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.scorer import Float32, Scorer
from collegium.mechanisms.scores.speaking import commit, scorer_of
from collegium.mechanisms.scores.terms import LARGEST_SCORE, UNIT
from collegium.threats.attack import AdversaryContext, Lie


def lying_scorer(
    honest: Scorer, friends: frozenset[str], lie: Lie, rounds: frozenset[int]
) -> Scorer:  # fmt: skip
    """Return a scorer that says what suits its friends in some rounds, in all if none are named."""

    def scored(
        number: int, start: Float32, exponent: int, updates: Mapping[str, Units]
    ) -> ScoreRecord:  # fmt: skip
        true = honest(number, start, exponent, updates)
        if rounds and number not in rounds:
            return true
        told = (
            lie(site, friends, score, best_score(true))
            for site, score in zip(updates, true.scores, strict=True)
        )
        return ScoreRecord(norm=true.norm, scores=tuple(told))

    return scored


def best_score(told: ScoreRecord) -> int:
    """Return the best score that there is, of the kind that was told."""
    return UNIT if isinstance(told.norm, int) else LARGEST_SCORE


@dataclass(frozen=True, slots=True)
class ScoreLie:
    """A lie in scores; it satisfies `Lie`."""

    tells: Callable[[str, frozenset[str], int, int], int]

    def __call__(self, site: str, friends: frozenset[str], honest: int, best: int) -> int:
        """Return what is said of a site's update in the place of the honest score."""
        return self.tells(site, friends, honest, best)

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the validator with a liar for its scorer."""
        if not isinstance(honest, Validator):
            raise TypeError(honest)

        def liar(speaker: Speaker) -> Scorer | None:
            scorer = scorer_of(speaker)
            return scorer and lying_scorer(scorer, place.attackers, self, place.rounds)

        honest.says["score.commit"] = partial(commit, scorer=liar)
        return honest
