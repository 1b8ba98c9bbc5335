"""FoolsGold: updates that point the same way as others lose their say.

Fung, Yoon and Beschastnikh, "The Limitations of Federated Learning in Sybil Settings", RAID 2020,
algorithm 1. Theirs compares the sums of all a client's updates so far; a round here knows no other
round and compares its own updates. It looks for many that act as one and promises nothing about a
number of bad updates: a single attacker, or some that differ, pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.errors import StudyError
from collegium.learning.aggregation._internal.cosines import cosine_matrix
from collegium.learning.aggregation._internal.integers import FRACTION, ONE, logarithm
from collegium.learning.aggregation.rows import RowRule, UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Updates

_NEARLY_ONE = ONE * 99 // 100
_LN_2 = 762_123_384_785
"""floor(ln 2 * 2^40)."""


def foolsgold_weights(cosines: list[list[int]]) -> list[int]:
    """Return each row's weight in 0..2^40 from all cosines with 40 fractional bits."""
    count = range(len(cosines))
    nearest = [max(0, *(cosines[i][j] for j in count if j != i)) for i in count]

    def pardoned(i: int, j: int) -> int:
        """Return a cosine, less where j is more like others than i is."""
        if nearest[j] > nearest[i]:
            return cosines[i][j] * nearest[i] // nearest[j]
        return cosines[i][j]

    alone = [
        max(0, min(ONE, ONE - max(0, *(pardoned(i, j) for j in count if j != i)))) for i in count
    ]
    most = max(alone)
    if most == 0:
        return [0] * len(alone)
    return [_logit(min(one * ONE // most, _NEARLY_ONE)) for one in alone]


def _logit(share: int) -> int:
    """Return ln(share / (1 - share)) + 1/2, held within 0..1."""
    if share <= 0:
        return 0
    natural = (logarithm(share) - logarithm(ONE - share)) * _LN_2 >> FRACTION
    return max(0, min(ONE, natural + ONE // 2))


@dataclass(frozen=True, slots=True)
class FoolsGold:
    """A mean weighted by how little each update is like any other."""

    name: str = "foolsgold@1"
    about: str = "a mean in which updates that point the same way lose their say; tolerate = 0"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None:
        """Refuse a number of bad updates, of which it promises nothing."""
        if participants < 2:
            raise StudyError(
                "rule.participants",
                f"foolsgold needs 2 updates or more, and a round may have {participants}",
                "it compares updates with each other",
                "let at least 2 updates take part (study.min_sites), or choose fedavg",
            )
        if tolerate > 0:
            raise StudyError(
                "rule.tolerate",
                f"foolsgold promises nothing about {tolerate} bad updates",
                "it looks for updates that are alike; a single bad one passes",
                'set aggregation.tolerate to 0, or choose a rule such as "nnm+trimmed_mean"',
            )

    def fewest(self, tolerate: int) -> int:
        """Return 2: one update is like no other."""
        return 2

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        """Return the aggregate of recorded updates; their registered weights have no effect."""
        return self.reduce(rows_of(updates), tolerate)

    def reduce(self, rows: UpdateRows, tolerate: int) -> Aggregate:
        """Return the weighted mean of rows; nothing where all are copies of each other."""
        if rows.count < 2:
            return rows.mean_of([0])
        weights = foolsgold_weights(cosine_matrix(rows.gram))
        return rows.combination(weights, sum(weights) or 1)


FOOLSGOLD: RowRule = FoolsGold()
