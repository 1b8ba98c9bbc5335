"""Scores, reputations and standings of a study's learning, as its contract would have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collegium.assembly.preparation import Prepared
from collegium.federation.local_trainers import Float32, LocalTrainers
from collegium.learning.aggregation.scores import CombinedScores
from collegium.learning.aggregation.updates import Contribution
from collegium.mechanisms.scores.design import score_terms
from collegium.mechanisms.scores.lying import LyingScorer
from collegium.mechanisms.scores.reputations import (
    NEW,
    Reputation,
    after,
    counting,
    value_of,
    weight_of,
)
from collegium.mechanisms.scores.resolving import combined_with
from collegium.mechanisms.scores.score_medians import ScoreRecord, medians
from collegium.mechanisms.scores.scorer import RootScorer, Scorer
from collegium.mechanisms.scores.terms import ScoreTerms
from collegium.threats.attack import lie_of


@dataclass(slots=True)
class LedgerlessScores:
    """What validators said so far. Every validator of a simulation has the same power.

    Attributes:
        prepared: the study.
        trainers: its sites, with the rows that validators keep; whoever rehearses gives it.
        reputations: by site, for those who have been scored.
        combined: each round's scores by site.
        demoted: each round's demoted sites, as it opened.
    """

    prepared: Prepared
    trainers: LocalTrainers | None = None
    reputations: dict[str, Reputation] = field(default_factory=dict)
    combined: list[dict[str, int]] = field(default_factory=list)
    demoted: list[set[str]] = field(default_factory=list)

    @property
    def terms(self) -> ScoreTerms | None:
        """What the study registers about scores, if it asks for any."""
        terms = score_terms(self.prepared.study)
        return terms if isinstance(terms, ScoreTerms) else None

    def reputation(self, site: str) -> Reputation:
        """Return a site's reputation."""
        return self.reputations.get(site, NEW)

    def weights(self, registered: Mapping[str, int]) -> dict[str, int]:
        """Return the weights with which a round opens."""
        terms = self.terms
        if terms is None:
            return dict(registered)
        self.demoted.append({name for name in registered if self.reputation(name).demoted})
        return {
            name: weight_of(self.reputation(name), weight, terms)
            for name, weight in registered.items()
        }

    def combine(
        self, number: int, exponent: int, start: Float32, sent: Mapping[str, Contribution]
    ) -> CombinedScores | None:
        """Return what validators say of a round's updates, and let it count; None without scores.

        Args:
            number: the round.
            exponent: e of its encoding.
            start: the parameters that it starts from.
            sent: its updates.
        """
        terms = self.terms
        if terms is None:
            return None
        validators = self.prepared.validators
        known = {name: self.reputation(name) for name in validators}
        voters = counting(known, dict.fromkeys(validators, 1), terms)
        said = [self._said(name, number, exponent, start, sent) for name in voters]
        made = medians([(one, 1) for one in said])
        reputations = [value_of(self.reputation(name)) for name in sent]
        self.combined.append(dict(zip(sent, made.scores, strict=True)))
        for name, value in self.combined[-1].items():
            self.reputations[name] = after(self.reputation(name), value, terms)
        return combined_with(made, reputations)

    def _said(
        self, validator: str, number: int, exponent: int, start: Float32,
        sent: Mapping[str, Contribution],
    ) -> ScoreRecord:  # fmt: skip
        """Return what a validator says: the truth, unless it is an attacker that lies in scores."""
        if self.trainers is None:
            raise LookupError(validator)
        scorer: Scorer = RootScorer(self.trainers.roots, validator)
        attackers, threat = self.prepared.attackers, self.prepared.study.threat
        lie = lie_of(self.prepared.attack)
        if lie is not None and threat is not None and validator in attackers:
            scorer = LyingScorer(scorer, frozenset(attackers), lie, frozenset(threat.rounds))
        updates = {name: one.values for name, one in sent.items()}
        return scorer.scored(number, start, exponent, updates)
