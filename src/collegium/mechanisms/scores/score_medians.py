"""What validators' scores come to: their median, where a quorum has told them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from collegium import canonical
from collegium.ledger.contract import members
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.tables import Record, attempt_key
from collegium.ledger.hashing import lp, tagged_hash, u64
from collegium.mechanisms.scores.terms import ScoresCombined


class ScoreRecord(Record, frozen=True, kw_only=True):
    """A validator's scores of the included updates, in order, or the median over validators."""

    norm: int | msgspec.UnsetType = msgspec.UNSET
    scores: tuple[int, ...]


def commitment(
    genesis: bytes,
    study: str,
    number: int,
    attempt: int,
    member: str,
    scored: ScoreRecord,
    salt: bytes,
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


def medians(said: Sequence[tuple[ScoreRecord, int]]) -> ScoreRecord:
    """Return the medians of (what was said, power): of each update's scores, and of the norms."""
    norms = [(one.norm, power) for one, power in said if isinstance(one.norm, int)]
    return ScoreRecord(
        norm=median(norms) if norms else msgspec.UNSET,
        scores=tuple(
            median(list(zip(claims, (power for _, power in said), strict=True)))
            for claims in zip(*(one.scores for one, _ in said), strict=True)
        ),
    )


def have_quorum(at: RoundAt, table: str) -> bool:
    """Return whether scorers with more than two thirds of their power are in a table."""
    voters = at.powers("scorers")
    return members.is_quorum(sum(voters[name] for name in at.names(table)), sum(voters.values()))


def combine(at: RoundAt) -> Event:
    """Fix the median of the revealed scores of each included update, weighted by power."""
    voters = at.powers("scorers")
    said = {
        name: scored
        for name in at.names("scores")
        if (scored := at.entry("scores", name, ScoreRecord)) is not None
    }
    made = medians([(scored, voters[name]) for name, scored in said.items()])
    at.state.put(at.table("combined"), attempt_key(at.attempt), made)
    return ScoresCombined(
        **at.here, members=at.names("included"), norm=made.norm, scorers=tuple(said),
        scores=made.scores,
    )  # fmt: skip
