"""What an attempt fixes of scores, for the rule that is given them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collegium.learning.aggregation.scores import CombinedScores
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.tables import attempt_key
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import MECHANISM, ScoresCombined
from collegium.resolving.seam import Resolving


def combined_with(made: ScoreRecord | ScoresCombined, reputations: Iterable[int]) -> CombinedScores:
    """Return combined scores with the reputations of the sites that they are of, in order."""
    norm = made.norm if isinstance(made.norm, int) else None
    return CombinedScores(made.scores, norm, tuple(reputations))


def _fixes(at: RoundAt, participants: tuple[str, ...]) -> Mapping[str, Any]:
    made = at.state.record(at.table("combined"), attempt_key(at.attempt), ScoreRecord)
    if made is None:
        return {}
    known = at.powers("reputations")
    return {"scores": combined_with(made, (known[name] for name in at.names("included")))}


RESOLVING = Resolving(MECHANISM, fixes=_fixes)
