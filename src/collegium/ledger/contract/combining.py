"""What validators' scores come to: their median, where a quorum has told them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from collegium import canonical
from collegium.ledger.contract import members
from collegium.ledger.contract.events import Event, ScoresCombined
from collegium.ledger.contract.tables import (
    RoundRecord,
    Scored,
    StudyStatus,
    attempt_key,
    attempt_names,
    powers,
    round_path,
)
from collegium.ledger.hashing import lp, tagged_hash, u64
from collegium.ledger.state import State


def commitment(
    genesis: bytes, study: str, number: int, attempt: int, member: str, scored: Scored, salt: bytes
) -> bytes:
    """Return what binds a validator to its scores in an attempt."""
    return tagged_hash(
        "scores", genesis, lp(study.encode()), u64(number), u64(attempt), lp(member.encode()),
        salt, lp(canonical.encode(scored)),
    )  # fmt: skip


def median(claims: Sequence[tuple[int, int]]) -> int:
    """Return the lower median of (value, power): half of the power says no more than that.

    A majority of the power, and nobody else, can make it larger or smaller than all of its own
    and the others' values allow.
    """
    total, below = sum(power for _, power in claims), 0
    for value, power in sorted(claims):
        below += power
        if 2 * below >= total:
            return value
    raise ValueError(claims)


def medians(said: Sequence[tuple[Scored, int]]) -> Scored:
    """Return the medians of (what was said, power): of each update's scores, and of the norms."""
    norms = [(one.norm, power) for one, power in said if isinstance(one.norm, int)]
    return Scored(
        norm=median(norms) if norms else msgspec.UNSET,
        scores=tuple(
            median(list(zip(claims, (power for _, power in said), strict=True)))
            for claims in zip(*(one.scores for one, _ in said), strict=True)
        ),
    )


def have_quorum(state: State, study: str, current: RoundRecord, number: int, table: str) -> bool:
    """Return whether scorers with more than two thirds of their power are in a table."""
    voters = powers(state, round_path(study, number, "scorers"))
    said = attempt_names(state, round_path(study, number, table), current.attempt)
    return members.is_quorum(sum(voters[name] for name in said), sum(voters.values()))


def combine(state: State, study: str, status: StudyStatus, current: RoundRecord) -> list[Event]:
    """Fix the median of the revealed scores of each included update, weighted by power."""
    number, attempt = status.round, current.attempt
    voters = powers(state, round_path(study, number, "scorers"))
    path = round_path(study, number, "scores")
    said = {
        name: scored
        for name in attempt_names(state, path, attempt)
        if (scored := state.record(path, attempt_key(attempt, name), Scored)) is not None
    }
    names = attempt_names(state, round_path(study, number, "included"), attempt)
    made = medians([(scored, voters[name]) for name, scored in said.items()])
    state.put(round_path(study, number, "combined"), attempt_key(attempt), made)
    return [
        ScoresCombined(
            study=study, round=number, attempt=attempt, members=names, norm=made.norm,
            scorers=tuple(said), scores=made.scores,
        )
    ]  # fmt: skip
