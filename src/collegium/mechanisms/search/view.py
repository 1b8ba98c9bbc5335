"""What the ledger says of a study whose final model is chosen by validation losses."""

from __future__ import annotations

from functools import cached_property

from collegium.ledger.contract.tables import StudyStatus
from collegium.ledger.state import State
from collegium.mechanisms.search.rules import choose
from collegium.mechanisms.search.terms import ModelChosen

AFTER_TRAINING = ("summing", "evaluation", "release", "closing", "closed")


class TrialView:
    """A moment's reading of a study's trials; of any other study it says what is so there."""

    def __init__(self, state: State, study: str, status: StudyStatus | None) -> None:
        self._state, self._study, self._status = state, study, status

    @cached_property
    def chosen(self) -> ModelChosen | None:
        """Which model is final for its loss, and in which trial; None where no loss chooses."""
        over = self._status is not None and self._status.phase in AFTER_TRAINING
        return choose(self._state, self._study) if over else None

    @property
    def final(self) -> int:
        """The trial of the final model; 1 where there is one way of training."""
        return 1 if self.chosen is None else self.chosen.trial

    @property
    def started_from_it(self) -> int:
        """The round that started from the final model, or would have."""
        if self.chosen is not None:
            return self.chosen.round
        return 1 if self._status is None else self._status.closed_rounds + 1
