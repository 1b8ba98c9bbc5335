"""Scores, reputations and standings, in a simulation without a ledger, as a contract has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collegium.federation.local_updates import Assignment
from collegium.learning.aggregation.updates import Contribution
from collegium.mechanisms.scores.design import score_terms
from collegium.mechanisms.scores.lying import lying_scorer
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
from collegium.mechanisms.scores.scorer import root_scorer
from collegium.mechanisms.scores.terms import MECHANISM, ScoreTerms
from collegium.simulation.seam import Simulated, Simulation
from collegium.threats.attack import lie_of


@dataclass(slots=True)
class LedgerlessScores:
    """What validators said so far; every one of them has the same power.

    Attributes:
        within: the study.
        terms: what it registers about scores.
        reputations: by site, for those who have been scored.
        combined: each round's scores by site.
        demoted: each round's demoted sites, as it opened.
    """

    within: Simulation
    terms: ScoreTerms
    reputations: dict[str, Reputation] = field(default_factory=dict)
    combined: list[dict[str, int]] = field(default_factory=list)
    demoted: list[set[str]] = field(default_factory=list)

    @property
    def simulated(self) -> Simulated:
        """What it does from round to round."""
        return Simulated(self.fixes, self.weighs, lambda: {"reputations": dict(self.reputations)})

    def reputation(self, site: str) -> Reputation:
        """Return a site's reputation."""
        return self.reputations.get(site, NEW)

    def weighs(self, weights: Mapping[str, int]) -> dict[str, int]:
        """Return the weights with which a round opens."""
        self.demoted.append({name for name in weights if self.reputation(name).demoted})
        return {
            name: weight_of(self.reputation(name), weight, self.terms)
            for name, weight in weights.items()
        }

    def fixes(
        self, work: Assignment, sent: Mapping[str, Contribution]
    ) -> Mapping[str, Any]:  # fmt: skip
        """Return what validators say of a round's updates, and let it count."""
        validators = self.within.prepared.validators
        known = {name: self.reputation(name) for name in validators}
        voters = counting(known, dict.fromkeys(validators, 1), self.terms)
        made = medians([(self._said(name, work, sent), 1) for name in voters])
        told = combined_with(made, (value_of(self.reputation(name)) for name in sent))
        self.combined.append(dict(zip(sent, made.scores, strict=True)))
        for name, value in self.combined[-1].items():
            self.reputations[name] = after(self.reputation(name), value, self.terms)
        return {"scores": told}

    def _said(
        self, validator: str, work: Assignment, sent: Mapping[str, Contribution]
    ) -> ScoreRecord:  # fmt: skip
        """Return what a validator says: the truth, unless it is an attacker that lies in scores."""
        scorer = root_scorer(self.within.reserved[MECHANISM.name], validator)
        prepared = self.within.prepared
        attackers, threat, lie = prepared.attackers, prepared.study.threat, lie_of(prepared.attack)
        if lie is not None and threat is not None and validator in attackers:
            scorer = lying_scorer(scorer, frozenset(attackers), lie, frozenset(threat.rounds))
        updates = {name: one.units for name, one in sent.items()}
        return scorer(work.round, work.start, work.exponent, updates)


def _simulates(within: Simulation) -> Simulated | None:
    terms = score_terms(within.prepared.study)
    return None if terms is None else LedgerlessScores(within, terms).simulated


SIMULATED = _simulates
