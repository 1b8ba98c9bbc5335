"""What the ledger says about the scores of a study's updates, as participants ask it."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.ledger.contract.tables import powers, round_path, study_path
from collegium.ledger.state import State
from collegium.mechanisms.scores.reputations import Reputation


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
