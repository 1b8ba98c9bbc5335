"""What validators said of updates in a study, and what came of it, as its ledger tells."""

from __future__ import annotations

from collegium.audit.findings import ReputationChange, ScoredRound, Scoring
from collegium.audit.studies import Reinstatement, StudyHistory
from collegium.ledger.contract.declared import part_of
from collegium.mechanisms.scores.terms import UNIT, MemberDemoted, MemberReinstated, ScoreTerms


def scoring_of(study: str, study_history: StudyHistory) -> Scoring | None:
    """Return a study's scores and standings; None where nobody scored."""
    terms = part_of(study_history.terms.terms, ScoreTerms)
    if not isinstance(terms, ScoreTerms):
        return None
    rounds = []
    for attempt in study_history.closed_rounds:
        number, combined = attempt.opened.round, attempt.combined
        changed = study_history.reputations.get(number)
        if combined is None or changed is None:
            continue
        rounds.append(
            ScoredRound(
                round=number,
                scorers=combined.scorers,
                scores=_in_units(combined.members, combined.scores),
                reputations=_in_units(changed.members, changed.reputations),
            )
        )
    return Scoring(
        study=study, by=terms.by, threshold=terms.threshold / UNIT, demote=terms.demote / UNIT,
        rounds=tuple(rounds), standings=tuple(_standing(one) for one in study_history.standings),
    )  # fmt: skip


def _in_units(members: tuple[str, ...], values: tuple[int, ...]) -> dict[str, float]:
    return {name: value / UNIT for name, value in zip(members, values, strict=True)}


def _standing(one: MemberDemoted | MemberReinstated | Reinstatement) -> ReputationChange:
    if isinstance(one, Reinstatement):
        return ReputationChange(
            round=one.round, site=one.member, change="restored", loses=None, reputation=None
        )
    demoted = isinstance(one, MemberDemoted)
    return ReputationChange(
        round=one.round,
        site=one.member,
        change="demoted" if demoted else "reinstated",
        loses=one.loses if isinstance(one, MemberDemoted) else None,
        reputation=one.reputation / UNIT,
    )
