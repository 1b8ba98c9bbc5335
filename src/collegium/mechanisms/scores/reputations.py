"""Reputations from scores: slow to rise, quick to fall, and never a reason to exclude anybody.

A. Jøsang and R. Ismail, "The Beta Reputation System", 2002, with forgetting, in integers. What
speaks for a site is capped, so that long good conduct buys no more than a little of it; what
speaks against it counts threefold. A reputation bears on the study's weights, or on whose scores
count, as the study registered. Updates of a rare disease look like an attack; that is why nothing
here takes a site's part in rounds, and why members may restore a standing (decision 82).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from collegium.ledger.contract import members
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import AFTER
from collegium.ledger.contract.rounds import put_numbers
from collegium.ledger.contract.tables import (
    THE_ONE,
    Record,
    StudyRecord,
    StudyStatus,
    attempt_key,
    study_path,
)
from collegium.ledger.state import State
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import (
    UNIT,
    MemberDemoted,
    MemberReinstated,
    Reputations,
    ReputationsChanged,
    Restore,
    ScoreTerms,
)


class Reputation(Record, frozen=True, kw_only=True):
    """What speaks for a site and against it, in units of 2^-20, and its standing.

    `restored`: members decided that it keeps its standing, whatever its scores are.
    """

    bad: int
    demoted: bool
    good: int
    restored: bool


KEPT, OF = 61, 64
"""A round's evidence keeps 61/64 of its worth in the next one."""

GAIN, LOSS = UNIT, 3 * UNIT
MOST_GOOD = 6 * UNIT
"""More does not speak for a site: no reputation is above 7/8."""

NEW = Reputation(bad=0, demoted=False, good=0, restored=False)


def value_of(reputation: Reputation) -> int:
    """Return (good + 1) / (good + bad + 2), in units of 2^-20, rounded down."""
    return (reputation.good + UNIT) * UNIT // (reputation.good + reputation.bad + 2 * UNIT)


def after(reputation: Reputation, score: int, terms: ScoreTerms) -> Reputation:
    """Return a site's reputation after one more score, with its standing."""
    speaks_for = score >= terms.threshold
    good = min(reputation.good * KEPT // OF + (GAIN if speaks_for else 0), MOST_GOOD)
    bad = reputation.bad * KEPT // OF + (0 if speaks_for else LOSS)
    moved = msgspec.structs.replace(reputation, good=good, bad=bad)
    value = value_of(moved)
    demoted = value < UNIT // 2 if reputation.demoted else value < terms.demote
    return msgspec.structs.replace(moved, demoted=demoted and not reputation.restored)


def reputation_of(state: State, study: str, member: str) -> Reputation:
    """Return a site's reputation in a study."""
    return state.record(study_path(study, "reputations"), member, Reputation) or NEW


def learn(at: RoundAt, terms: ScoreTerms) -> tuple[Event, ...]:
    """Let the combined scores of a closing round count."""
    path, key = at.table("combined"), attempt_key(at.attempt)
    combined = at.state.record(path, key, ScoreRecord)
    if combined is None:
        return ()
    names, values, events = at.names("included"), [], list[Event]()
    for member, score in zip(names, combined.scores, strict=True):
        before = reputation_of(at.state, at.study, member)
        now = after(before, score, terms)
        at.state.put(at.course.table("reputations"), member, now)
        values.append(value := value_of(now))
        if now.demoted and not before.demoted:
            events.append(
                MemberDemoted(**at.here, member=member, reputation=value, loses=terms.demotion)
            )
        elif before.demoted and not now.demoted:
            events.append(MemberReinstated(**at.here, member=member, reputation=value))
    changed = ReputationsChanged(**at.here, members=names, reputations=tuple(values))
    return (changed, *events)


def weight_of(reputation: Reputation, weight: int, terms: ScoreTerms) -> int:
    """Return a participant's weight in a round: half of it, and at least 1, where it is demoted."""
    halved = reputation.demoted and terms.demotion == "weight"
    return max(1, weight // 2) if halved else weight


def counting(
    known: Mapping[str, Reputation], voters: Mapping[str, int], terms: ScoreTerms
) -> dict[str, int]:
    """Return whose scores count in a round, with their powers.

    Those of demoted members do not where the study says so, the worst first, as long as those left
    out have no more than a third of the power: without the others there would be no scores at all.
    """
    demoted = sorted(
        (name for name in voters if known[name].demoted and terms.demotion == "scoring"),
        key=lambda name: (value_of(known[name]), name),
    )
    left_out, power, total = set[str](), 0, sum(voters.values())
    for name in demoted:
        if 3 * (power + voters[name]) <= total:
            left_out.add(name)
            power += voters[name]
    return {name: one for name, one in voters.items() if name not in left_out}


def weighed(course: StudyAt, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the weights of a round's participants, as what is registered and standings say."""
    terms = course.terms(ScoreTerms)
    if terms is None:
        return dict(weights)
    return {
        name: weight_of(reputation_of(course.state, course.study, name), weight, terms)
        for name, weight in weights.items()
    }


def open_scoring(course: StudyAt, chosen: Sequence[str], voters: Mapping[str, int]) -> None:
    """Fix for an opening round whose scores count, and what its participants' reputations are."""
    terms = course.terms(ScoreTerms)
    if terms is None:
        return
    known = {name: reputation_of(course.state, course.study, name) for name in (*voters, *chosen)}
    put_numbers(course, "scorers", counting(known, voters, terms))
    put_numbers(course, "reputations", {name: value_of(known[name]) for name in chosen})


def opened(at: RoundAt) -> Reputations:
    """Return a round's participants' reputations in units of 2^-20."""
    return Reputations(values=tuple(at.powers("reputations").values()))


def obstacle(state: State, action: Restore) -> str | None:
    """Return why a standing cannot be restored now, or None."""
    record = state.record(study_path(action.study, "study"), THE_ONE, StudyRecord)
    status = state.record(study_path(action.study, "status"), THE_ONE, StudyStatus)
    if members.active_member(state, action.member) is None:
        return f"{action.member} is not a member"
    if record is None or status is None:
        return f"no study named {action.study} is registered"
    if part_of(record.terms, ScoreTerms) is None or action.member not in record.sites:
        return f"{action.study} has no reputation of {action.member}"
    if status.phase in AFTER:
        return f"training of {action.study} is over"
    known = state.record(study_path(action.study, "reputations"), action.member, Reputation)
    return f"{action.member} is restored" if known is not None and known.restored else None


def restore(state: State, action: Restore) -> None:
    """Give a member the standing that it had at first, for good."""
    record = msgspec.structs.replace(NEW, restored=True)
    state.put(study_path(action.study, "reputations"), action.member, record)
