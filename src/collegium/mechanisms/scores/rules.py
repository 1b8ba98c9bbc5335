"""Scores: validators commit to them, reveal them, and the contract takes their median.

docs/spec page 18. The contract never looks at an update: what validators say of it is theirs, and
signed. A majority of the power decides a median, so that is whom one has to trust (decision 81).
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import rounds
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Closing, Ending, Proposed, Rules, without_record
from collegium.ledger.contract.tables import StudyStatus
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.scores import reputations
from collegium.mechanisms.scores.score_medians import ScoreRecord, combine, commitment, have_quorum
from collegium.mechanisms.scores.terms import (
    MECHANISM,
    UNIT,
    Restore,
    ScoreCommit,
    ScoreReveal,
    ScoreTerms,
)


def commit(state: State, sender: str, tx: ScoreCommit) -> list[Event]:
    """Record a validator's commitment to its scores."""
    at = enter(state, tx, sender, "score.commit")
    at.put("score_commits", sender, from_text(tx.commitment, DIGEST_SIZE, "a commitment"))
    return rounds.spoke(at)


def reveal(state: State, sender: str, tx: ScoreReveal) -> list[Event]:
    """Record scores that open their validator's commitment.

    Raises:
        Rejected: nothing was committed, or something else; or they are not what the study asks for.
    """
    at = enter(state, tx, sender, "score.reveal")
    committed = at.get("score_commits", sender)
    if committed is None:
        raise Rejected("refused", f"{sender} has committed to no scores in this attempt")
    scored = ScoreRecord(norm=tx.norm, scores=tx.scores)
    opening = commitment(
        ledger_of(tx.genesis), tx.study, tx.round, tx.attempt, sender, scored,
        from_text(tx.salt, DIGEST_SIZE, "a salt"),
    )  # fmt: skip
    if opening != committed:
        raise Rejected("refused", "scores and salt do not open the commitment")
    included = at.names("included")
    if len(tx.scores) != len(included):
        raise Rejected("malformed", f"{len(included)} updates are included, and each has a score")
    terms = at.terms(ScoreTerms)
    by_direction = terms is not None and terms.by == "direction"
    if by_direction != (tx.norm is not msgspec.UNSET):
        raise Rejected("malformed", "a norm comes with scores by direction, and with no others")
    if by_direction and max(map(abs, tx.scores)) > UNIT:
        raise Rejected("malformed", "a cosine lies beyond 1")
    at.put("scores", sender, scored)
    return rounds.spoke(at)


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    """Ask for a quorum of the scorers, and combine what they have revealed."""
    phase = at.current.phase
    table = {"score.commit": "score_commits", "score.reveal": "scores"}.get(phase)
    if table is None:
        return ending
    if not have_quorum(at, table):
        return replace(ending, failed="unscored")
    if phase == "score.reveal":
        return replace(ending, events=(*ending.events, combine(at)))
    return ending


def _round_closes(at: RoundAt, result: ModelResult, before: StudyStatus) -> Closing:
    terms = at.terms(ScoreTerms)
    return Closing() if terms is None else Closing(reputations.learn(at, terms))


RULES = Rules(
    MECHANISM,
    handlers={ScoreCommit: without_record(commit), ScoreReveal: without_record(reveal)},
    actions={
        Restore: Proposed(
            reputations.obstacle,
            reputations.restore,
            "restore the reputation of {member} in {study}",
        )
    },
    weighs=reputations.weighed,
    round_opens=reputations.open_scoring,
    opened=reputations.opened,
    phase_ends=_phase_ends,
    round_closes=_round_closes,
)
