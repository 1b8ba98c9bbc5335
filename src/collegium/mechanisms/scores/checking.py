"""What an auditor gathers of scores: what validators said of updates, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collegium.audit.attempts import AttemptRecord
from collegium.audit.findings import ReputationChange, ScoredRound, Scoring
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.skipping import passed_over
from collegium.audit.studies import StudyHistory
from collegium.ledger.contract.declared import part_of
from collegium.mechanisms.scores.resolving import combined_with
from collegium.mechanisms.scores.terms import (
    UNIT,
    MemberDemoted,
    MemberReinstated,
    Reputations,
    ReputationsChanged,
    Restore,
    ScoreCommit,
    ScoreReveal,
    ScoresCombined,
    ScoreTerms,
)


@dataclass(slots=True)
class Scored:
    """An attempt's scores: who committed to some, what was revealed, and what they combine to.

    `silenced` are the validators whose scores do not count.
    """

    committed: set[str] = field(default_factory=set)
    revealed: dict[str, ScoreReveal] = field(default_factory=dict)
    combined: ScoresCombined | None = None
    silenced: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """A standing that members restored, after so many closed rounds."""

    member: str
    round: int


@dataclass(slots=True)
class Standings:
    """A study's reputations by round, and the changes of its sites' standings."""

    reputations: dict[int, ReputationsChanged] = field(default_factory=dict)
    changes: list[MemberDemoted | MemberReinstated | Reinstatement] = field(default_factory=list)

    @property
    def demoted(self) -> frozenset[str]:
        """Who is demoted as of now."""
        found: set[str] = set()
        for one in self.changes:
            if isinstance(one, MemberDemoted):
                found.add(one.member)
            else:
                found.discard(one.member)
        return frozenset(found)


def _opens(study_history: StudyHistory, record: AttemptRecord) -> None:
    """Note whose scores count; that is fixed when a round opens, whatever its attempts bring."""
    terms, opened = part_of(study_history.terms.terms, ScoreTerms), record.opened
    if opened.attempt > 1:
        first = study_history.attempts[opened.round, 1]
        record.of(Scored).silenced = first.of(Scored).silenced
    elif terms is not None and terms.demotion == "scoring":
        record.of(Scored).silenced = study_history.of(Standings).demoted


def _committed(study_history: StudyHistory, sender: str, tx: ScoreCommit) -> None:
    study_history.at(tx.round, tx.attempt).of(Scored).committed.add(sender)


def _revealed(study_history: StudyHistory, sender: str, tx: ScoreReveal) -> None:
    study_history.at(tx.round, tx.attempt).of(Scored).revealed[sender] = tx


def _combined(study_history: StudyHistory, event: ScoresCombined) -> None:
    study_history.at(event.round, event.attempt).of(Scored).combined = event


def _reputed(study_history: StudyHistory, event: ReputationsChanged) -> None:
    study_history.of(Standings).reputations[event.round] = event


def _changed(study_history: StudyHistory, event: MemberDemoted | MemberReinstated) -> None:
    study_history.of(Standings).changes.append(event)


def _restored(study_history: StudyHistory, action: Restore) -> None:
    change = Reinstatement(action.member, len(study_history.closed_rounds))
    study_history.of(Standings).changes.append(change)


def _fixes(record: AttemptRecord) -> Mapping[str, Any]:
    opened, combined = record.opened, record.of(Scored).combined
    told = part_of(opened.parts, Reputations)
    if combined is None or told is None:
        return {}
    known = dict(zip(opened.participants, told.values, strict=True))
    return {"scores": combined_with(combined, (known[name] for name in combined.members))}


def _unsaid(record: AttemptRecord, name: str, over: bool) -> Iterator[str]:
    """Yield what a validator left unsaid of updates; whose scores do not count owes none."""
    reached, here = record.phases, record.of(Scored)
    if name in here.committed:
        if name not in here.revealed and ("vote" in reached or over):
            yield "validator.withheld-scores"
    elif (
        name not in here.silenced
        and not passed_over(record, "score.commit")
        and ("score.reveal" in reached or ("score.commit" in reached and over))
    ):
        yield "validator.unscored"


def scoring_of(study: str, study_history: StudyHistory) -> Scoring | None:
    """Return a study's scores and standings; None where nobody scored."""
    terms = part_of(study_history.terms.terms, ScoreTerms)
    if not isinstance(terms, ScoreTerms):
        return None
    rounds, standings = [], study_history.of(Standings)
    for attempt in study_history.closed_rounds:
        number, combined = attempt.opened.round, attempt.of(Scored).combined
        changed = standings.reputations.get(number)
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
        rounds=tuple(rounds), standings=tuple(_standing(one) for one in standings.changes),
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


def _checks(audited: Audited) -> Checked:
    found = None if audited.study is None else scoring_of(audited.name, audited.history)
    return Checked([], told={} if found is None else {"scorings": (found,)})


CHECKING = Checking(
    takes={ScoreCommit: _committed, ScoreReveal: _revealed},
    notes={
        ScoresCombined: _combined, ReputationsChanged: _reputed, MemberDemoted: _changed,
        MemberReinstated: _changed,
    },
    decided={Restore: _restored},
    opens=_opens,
    fixes=_fixes,
    unsaid=_unsaid,
    checks=_checks,
)  # fmt: skip
