"""What the ledger says of a study's updates that may be deleted, as participants ask it."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.ledger.contract.retirement import is_retired
from collegium.ledger.contract.tables import study_path
from collegium.ledger.state import State


@dataclass(frozen=True, slots=True)
class RetirementView:
    """A moment's reading of what is retired of a study, and who has voted for it."""

    state: State
    study: str

    def is_retired(self, whose: str) -> bool:
        """Return whether all of a member's updates, or everybody's ("*"), are retired."""
        return is_retired(self.state, self.study, 0, whose)

    def has_voted(self, member: str) -> bool:
        """Return whether a validator's vote to retire everybody's updates is on record."""
        return self.state.has(study_path(self.study, "retirement_votes"), f"{0:08d}/{member}")
