"""What a comparison of finished runs comes to: the result of `collegium.compare`.

It is also what ``compare --json`` prints and what lies in a comparison's ``comparison.json``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.data.table import Task
from collegium.report.comparison import Verdict
from collegium.report.measurements import Interval


class Mean(msgspec.Struct, frozen=True):
    """A measure, or a difference of two, over seeds; `interval` (95 %) is None without one."""

    value: float
    interval: Interval | None


class MeasuredDifference(msgspec.Struct, frozen=True):
    """A mean difference of a measure, and what its interval shows of the design."""

    value: float
    interval: Interval | None
    verdict: Verdict


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that differ in the seed alone.

    Attributes:
        name: what sets the design apart from the others.
        runs: their folders; `seeds` are theirs, in the same order.
        quality: the study's model over all sites, by measure.
        federated_minus_local: its paired distances from each site's own model, by measure, as the
            runs measured them; `federated_minus_pooled` likewise from one model of all rows.
        unsettled: how many of the runs' trainings did not come to rest, by verdict.
        keys: the values of the document's keys in which any two designs differ, None where a design
            has no such key.
        rows: training and test rows of the first run, over all sites.
    """

    name: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    quality: dict[str, Mean]
    federated_minus_local: dict[str, Mean]
    federated_minus_pooled: dict[str, Mean]
    unsettled: dict[str, int]
    keys: dict[str, str | None] = {}
    rows: tuple[int, int] = (0, 0)


class PairedDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A design minus the reference, over the seeds that both have, by measure.

    `interval_over` says what the intervals were drawn over: seeds, or rows where all seeds test on
    the same.
    """

    design: str
    against: str
    seeds: tuple[int, ...]
    interval_over: Literal["seeds", "rows"]
    measures: dict[str, MeasuredDifference]


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Designs in the order of their first runs; the first is the reference of the others.

    `title` and `question` are those of the reference's study; `primary` is the measure that
    decides.
    """

    title: str
    question: str
    task: Task
    primary: str
    designs: tuple[Design, ...]
    differences: tuple[PairedDifference, ...]

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from collegium.report.notebook import comparison_html

        return comparison_html(self)
