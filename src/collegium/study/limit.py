"""The range of a number in a study document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A range from `low` to `high`; an open end is itself outside. Lists: each item."""

    path: tuple[str, ...]
    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value is within the range; NaN and infinities never are."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def words(self) -> str:
        """Return the range in words: ``above 0 and at most 1``."""
        low = f"{'above' if self.open_low else 'at least'} {self.low}"
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high}"
