"""Scores: validators commit to them, reveal them, and the contract takes their median.

docs/spec page 18. The contract never looks at an update: what validators say of it is theirs, and
signed. A majority of the power decides a median, so that is whom one has to trust (decision 81).
"""

from __future__ import annotations

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import rounds
from collegium.ledger.contract.combining import commitment
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import Scored, attempt_key, attempt_names, round_path
from collegium.ledger.contract.transactions import ScoreCommit, ScoreReveal
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.study.score_terms import UNIT, ScoreTerms


def commit(state: State, sender: str, tx: ScoreCommit) -> list[Event]:
    """Record a validator's commitment to its scores."""
    record, status, current = rounds.enter(state, tx, sender, "score.commit")
    value = from_text(tx.commitment, DIGEST_SIZE, "a commitment")
    path = round_path(tx.study, tx.round, "score_commits")
    state.put(path, attempt_key(tx.attempt, sender), value)
    return rounds.spoke(state, tx.study, record, status, current)


def reveal(state: State, sender: str, tx: ScoreReveal) -> list[Event]:
    """Record scores that open their validator's commitment.

    Raises:
        Rejected: nothing was committed, or something else; or they are not what the study asks for.
    """
    record, status, current = rounds.enter(state, tx, sender, "score.reveal")
    key = attempt_key(tx.attempt, sender)
    committed = state.get(round_path(tx.study, tx.round, "score_commits"), key)
    if committed is None:
        raise Rejected("refused", f"{sender} has committed to no scores in this attempt")
    scored = Scored(norm=tx.norm, scores=tx.scores)
    opening = commitment(
        ledger_of(tx.genesis), tx.study, tx.round, tx.attempt, sender, scored,
        from_text(tx.salt, DIGEST_SIZE, "a salt"),
    )  # fmt: skip
    if opening != committed:
        raise Rejected("refused", "scores and salt do not open the commitment")
    included = attempt_names(state, round_path(tx.study, tx.round, "included"), tx.attempt)
    if len(tx.scores) != len(included):
        raise Rejected("malformed", f"{len(included)} updates are included, and each has a score")
    by_direction = isinstance(record.scores, ScoreTerms) and record.scores.by == "direction"
    if by_direction != (tx.norm is not msgspec.UNSET):
        raise Rejected("malformed", "a norm comes with scores by direction, and with no others")
    if by_direction and max(map(abs, tx.scores)) > UNIT:
        raise Rejected("malformed", "a cosine lies beyond 1")
    state.put(round_path(tx.study, tx.round, "scores"), key, scored)
    return rounds.spoke(state, tx.study, record, status, current)
