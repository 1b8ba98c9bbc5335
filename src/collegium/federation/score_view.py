"""What the ledger says about the scores of a study's updates, as participants ask it."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.learning.aggregation.scores import Scores, scores_of
from collegium.ledger.contract.tables import attempt_key, powers, round_path, study_path
from collegium.ledger.state import State
from collegium.mechanisms.scores.combining import Scored
from collegium.mechanisms.scores.reputations import Reputation
from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A moment's reading of a study's scores."""

    state: State
    study: str

    def scorers(self, number: int) -> dict[str, int]:
        """Return whose scores count in a round, and their powers, in order."""
        return powers(self.state, round_path(self.study, number, "scorers"))

    def standing(self) -> dict[str, Reputation]:
        """Return the reputations of the sites that have one."""
        path = study_path(self.study, "reputations")
        found = (
            (name, self.state.record(path, name, Reputation)) for name in self.state.keys(path)
        )
        return {name: one for name, one in found if one is not None}

    def given(
        self, study: Study, number: int, attempt: int, exponent: int, included: list[str]
    ) -> Scores | None:
        """Return what a rule is given of an attempt's scores; None where nobody scored."""
        path = round_path(self.study, number, "combined")
        combined = self.state.record(path, attempt_key(attempt), Scored)
        if combined is None:
            return None
        known = powers(self.state, round_path(self.study, number, "reputations"))
        norm = combined.norm if isinstance(combined.norm, int) else None
        reputations = [known[name] for name in included]
        return scores_of(study, exponent, combined.scores, norm, reputations)
