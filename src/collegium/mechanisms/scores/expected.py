"""Scores as attackers expect them: of validators whose rows they do not have.

Where a rule is given scores, the defence cannot be calculated from updates alone, and whoever
searches against it has to guess what validators will say. Attackers know how scores are made, and
have their own rows, all together. So they imagine each other validator with as many rows as their
own validators keep, drawn from those rows, and let it score as validators do; FLTrust's reference
is what it would train. What attackers that validate will say themselves they know, lies included.

How good the guess is depends on how like the others' rows theirs are. Partial knowledge of this
kind, of updates instead of scores: M. Fang, X. Cao, J. Jia and N. Gong, "Local Model Poisoning
Attacks to Byzantine-Robust Federated Learning", USENIX Security 2020, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.data.randomness import draws
from collegium.data.split import split
from collegium.data.table import SiteRows, take, together
from collegium.federation.local_updates import Assignment
from collegium.federation.speaking import ReservedRows
from collegium.learning.aggregation.scores import Scores, scores_of
from collegium.learning.algorithms.layout import mean_loss, row_losses
from collegium.learning.encoding import Units
from collegium.mechanisms.scores.design import score_terms
from collegium.mechanisms.scores.lying import best_score
from collegium.mechanisms.scores.reputations import NEW, Reputation, after, counting, value_of
from collegium.mechanisms.scores.resolving import combined_with
from collegium.mechanisms.scores.score_medians import ScoreRecord, medians
from collegium.mechanisms.scores.scorer import (
    Float32,
    cosine,
    loss_score,
    moved,
    norm_of,
    own_update,
)
from collegium.mechanisms.scores.terms import ScoreTerms
from collegium.threats.attack import Lie
from collegium.threats.poisoning import Expects, Target

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurrogateValidators:
    """A study's validators as its attackers imagine them.

    Attributes:
        terms: what it registers about scores.
        rows: all that the attackers have, together.
        places: each validator's part of these rows: its own where it attacks, else imagined.
        roots: the same rows, by validator.
        attackers: who attacks.
        lie: how attackers lie as validators, if they do.
    """

    terms: ScoreTerms
    rows: SiteRows
    places: Mapping[str, NDArray[np.intp]]
    roots: ReservedRows
    attackers: frozenset[str]
    lie: Lie | None


def imagined(target: Target, lie: Lie | None) -> SurrogateValidators | None:
    """Return what attackers make of those who score them; None where nobody does.

    Args:
        target: the study.
        lie: how attackers lie as validators, if they do.
    """
    study, rows = target.study, target.rows
    attackers, validators = target.attackers, target.validators
    scores, terms = study.aggregation.scores, score_terms(study)
    if scores is None or terms is None:
        return None
    parts, places, count = [], dict[str, NDArray[np.intp]](), 0
    for name in attackers:
        own = [rows[name]]
        if name in validators:
            own = list(split(rows[name], scores.root, study.study.seed))
            places[name] = np.arange(len(own[1].y)) + count + len(own[0].y)
        parts += own
        count += len(rows[name].y)
    ours = together("attackers", parts)
    size = max(1, round(scores.root * count / len(attackers)))
    for name in validators:
        if name not in places:
            places[name] = draws("imagined", study.study.seed, name).randint(count, size=size)
    apart = {name: take(ours, places[name]) for name in validators}
    roots = ReservedRows(study, target.spec, target.trainer, apart)
    return SurrogateValidators(terms, ours, places, roots, frozenset(attackers), lie)


class Expected:
    """What attackers expect of one round's scores, and of the model that comes of it.

    It satisfies `Expectation`.
    """

    def __init__(self, judges: SurrogateValidators, work: Assignment) -> None:
        self._judges = judges
        self._work = work
        self._known = dict(work.records("reputations", Reputation))
        known = {name: self._reputation(name) for name in judges.places}
        self._voters = tuple(counting(known, dict.fromkeys(known, 1), judges.terms))
        self._found: dict[bytes, list[int]] = {}

    def scores(self, updates: Mapping[str, Units]) -> Scores | None:
        """Return the scores that updates are expected to get, in order.

        The reputations are those that sites would have after them: a search minds what an update
        costs its site later.
        """
        work, study = self._work, self._judges.roots.study
        true = [self._of(update) for update in updates.values()]
        made = medians(
            [
                (self._said(name, dict(zip(updates, scores, strict=True)), at), 1)
                for at, (name, *scores) in enumerate(zip(self._voters, *true, strict=True))
            ]
        )
        later = [
            value_of(after(self._reputation(site), score, self._judges.terms))
            for site, score in zip(updates, made.scores, strict=True)
        ]
        return scores_of(study, work.exponent, combined_with(made, later))

    def loss(self, vector: Float32) -> float:
        """Return the mean loss of a study's vector [D] on all rows that the attackers have."""
        return mean_loss(self._judges.roots.spec, self._judges.rows, vector)

    @cached_property
    def favored(self) -> Float64 | None:
        """The direction in which validators are expected to look, float64 [d].

        That is the mean of what they would train themselves, each of length 1, where updates are
        scored by direction; else None.
        """
        if not self._own:
            return None
        lengths = np.linalg.norm(self._own, axis=1, keepdims=True)
        found: Float64 = (self._own / np.where(lengths > 0, lengths, 1.0)).mean(axis=0)
        return found

    @cached_property
    def _own(self) -> list[Units]:
        """What each validator is expected to train itself, where updates are scored by that."""
        judges, work = self._judges, self._work
        if judges.terms.by != "direction":
            return []
        return [
            own_update(judges.roots, name, work.round, work.start, work.exponent)
            for name in self._voters
        ]

    @cached_property
    def _before(self) -> Float64:
        return row_losses(self._judges.roots.spec, self._judges.rows, self._work.start)

    def _of(self, update: Units) -> list[int]:
        """Return what each validator is expected to find of an update."""
        key = update.tobytes()
        if key not in self._found:
            self._found[key] = self._scored(update)
        return self._found[key]

    def _scored(self, update: Units) -> list[int]:
        judges, work = self._judges, self._work
        if self._own:
            return [cosine(update, own) for own in self._own]
        moved_to = moved(work.start, update, work.exponent)
        later = row_losses(judges.roots.spec, judges.rows, moved_to)
        places = (judges.places[name] for name in self._voters)
        return [
            loss_score(float(self._before[own].mean()), float(later[own].mean())) for own in places
        ]

    def _said(self, validator: str, true: Mapping[str, int], at: int) -> ScoreRecord:
        """Return what a validator would say: attackers may say something else than the truth."""
        judges = self._judges
        norm = norm_of(self._own[at]) if self._own else msgspec.UNSET
        told = ScoreRecord(norm=norm, scores=tuple(true.values()))
        if judges.lie is None or validator not in judges.attackers:
            return told
        best = best_score(told)
        lies = (judges.lie(site, judges.attackers, one, best) for site, one in true.items())
        return ScoreRecord(norm=norm, scores=tuple(lies))

    def _reputation(self, site: str) -> Reputation:
        return self._known.get(site, NEW)


def _expects(target: Target, lie: Lie | None) -> Expects | None:
    judges = imagined(target, lie)
    return None if judges is None else partial(Expected, judges)


EXPECTS = _expects
