"""What the ledger says of the set-up of a study of tables, as participants ask it."""

from __future__ import annotations

from functools import cached_property

from collegium.canonical import from_text
from collegium.ledger.contract.tables import THE_ONE, attempt_key, study_path
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.statistics.rules import StatisticsRecord, step_key


class SetUpView:
    """A moment's reading of a study's statistics; where there are none, of their absence."""

    def __init__(self, state: State, study: str) -> None:
        self._state = state
        self._study = study

    @cached_property
    def _record(self) -> StatisticsRecord | None:
        return self._state.record(study_path(self._study, "statistics"), THE_ONE, StatisticsRecord)

    @property
    def phase(self) -> str:
        """What is waited for: "post", "vote", or nothing any more: "agreed"; "" without set-up."""
        return "" if self._record is None else self._record.phase

    @property
    def step(self) -> int:
        """The present step, or the last one; 0 without set-up."""
        return 0 if self._record is None else self._record.step

    @property
    def attempt(self) -> int:
        """How many votes were begun, over all steps."""
        return 0 if self._record is None else self._record.attempt

    @property
    def is_over(self) -> bool:
        """Whether sites have agreed on everything that they prepare inputs by."""
        return self.phase == "agreed"

    @cached_property
    def agreement(self) -> bytes | None:
        """The digest of what the last finished step came to, or None."""
        if self._record is None or not isinstance(self._record.agreement, str):
            return None
        return from_text(self._record.agreement, DIGEST_SIZE)

    @cached_property
    def posted(self) -> dict[str, bytes]:
        """The digests of what sites have said in the present step, in order."""
        table, prefix = study_path(self._study, "statistics"), step_key(self.step, "")
        return {
            key[len(prefix) :]: from_text(value.decode(), DIGEST_SIZE)
            for key, value in self._state.items(table)
            if key.startswith(prefix)
        }

    def has_voted(self, member: str) -> bool:
        """Return whether a validator's vote in the present attempt is on record."""
        votes = study_path(self._study, "statistics_votes")
        return self._state.has(votes, attempt_key(self.attempt, member))
