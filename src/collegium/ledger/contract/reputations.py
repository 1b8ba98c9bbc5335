"""Reputations from scores: slow to rise, quick to fall, and never a reason to exclude anybody.

A. Jøsang and R. Ismail, "The Beta Reputation System", 2002, with forgetting, in integers. What
speaks for a site is capped, so that long good conduct buys no more than a little of it; what
speaks against it counts threefold. A reputation bears on the study's weights, or on whose scores
count, as the study registered. Updates of a rare disease look like an attack; that is why nothing
here takes a site's part in rounds, and why members may restore a standing (decision 82).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collegium.ledger.contract.events import (
    Event,
    MemberDemoted,
    MemberReinstated,
    ReputationsChanged,
)
from collegium.ledger.contract.tables import (
    Reputation,
    Scored,
    StudyRecord,
    attempt_key,
    attempt_names,
    powers,
    round_path,
    study_path,
)
from collegium.ledger.state import State
from collegium.study.score_terms import UNIT, ScoreTerms

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


def learn(state: State, study: str, record: StudyRecord, number: int, attempt: int) -> list[Event]:
    """Let the combined scores of a closing round count; nothing where updates are not scored."""
    terms = record.scores
    combined = state.record(round_path(study, number, "combined"), attempt_key(attempt), Scored)
    if not isinstance(terms, ScoreTerms) or combined is None:
        return []
    members = attempt_names(state, round_path(study, number, "included"), attempt)
    at = {"study": study, "round": number, "attempt": attempt}
    values, events = [], list[Event]()
    for member, score in zip(members, combined.scores, strict=True):
        before = reputation_of(state, study, member)
        now = after(before, score, terms)
        state.put(study_path(study, "reputations"), member, now)
        values.append(value := value_of(now))
        if now.demoted and not before.demoted:
            events.append(
                MemberDemoted(**at, member=member, reputation=value, loses=terms.demotion)  # type: ignore[arg-type]
            )
        elif before.demoted and not now.demoted:
            events.append(MemberReinstated(**at, member=member, reputation=value))  # type: ignore[arg-type]
    changed = ReputationsChanged(**at, members=members, reputations=tuple(values))  # type: ignore[arg-type]
    return [changed, *events]


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


def weighed(
    state: State, study: str, record: StudyRecord, accepted: Mapping[str, int]
) -> dict[str, int]:
    """Return the weights of a round's participants, as what is registered and standings say."""
    terms = record.scores
    if not isinstance(terms, ScoreTerms):
        return dict(accepted)
    return {
        name: weight_of(reputation_of(state, study, name), weight, terms)
        for name, weight in accepted.items()
    }


def open_scoring(
    state: State, study: str, record: StudyRecord, number: int, chosen: list[str],
    voters: Mapping[str, int],
) -> None:  # fmt: skip
    """Fix for an opening round whose scores count, and what its participants' reputations are."""
    terms = record.scores
    if not isinstance(terms, ScoreTerms):
        return
    known = {name: reputation_of(state, study, name) for name in voters}
    told = {name: b"%d" % power for name, power in counting(known, voters, terms).items()}
    state.put_all(round_path(study, number, "scorers"), told)
    values = {name: b"%d" % value_of(reputation_of(state, study, name)) for name in chosen}
    state.put_all(round_path(study, number, "reputations"), values)


def values(
    state: State, study: str, record: StudyRecord, number: int
) -> tuple[int, ...] | msgspec.UnsetType:
    """Return a round's participants' reputations in units of 2^-20, where a study has any."""
    if not isinstance(record.scores, ScoreTerms):
        return msgspec.UNSET
    return tuple(powers(state, round_path(study, number, "reputations")).values())


def restore(state: State, study: str, member: str) -> None:
    """Give a member the standing that it had at first, for good."""
    record = msgspec.structs.replace(NEW, restored=True)
    state.put(study_path(study, "reputations"), member, record)
