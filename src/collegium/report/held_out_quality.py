"""What was measured on rows kept apart, as figures: by an evaluator, and fold by fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collegium.data.table import Task
from collegium.report.comparison import Comparison, compare, compare_local
from collegium.report.figures import Figure, measured
from collegium.report.measurements import FinalLine, HeldOutQuality


@dataclass(frozen=True, slots=True)
class HeldOutSection:
    """Figures of three models by measure, comparisons, and how many rows and persons there are."""

    kind: Literal["unseen", "out_of_fold"]
    federated: dict[str, Figure]
    local: dict[str, Figure]
    pooled: dict[str, Figure]
    comparisons: tuple[Comparison, ...]
    parts: tuple[str, ...]
    rows: int
    persons: int


def held_out_sections(task: Task, final: FinalLine | None) -> tuple[HeldOutSection, ...]:
    """Return what a run measured on rows kept apart, which is often nothing."""
    if final is None:
        return ()
    found = []
    if final.unseen is not None:
        found.append(_section(task, "unseen", final.unseen))
    if final.out_of_fold is not None:
        found.append(_section(task, "out_of_fold", final.out_of_fold))
    return tuple(found)


def _section(
    task: Task, kind: Literal["unseen", "out_of_fold"], apart: HeldOutQuality
) -> HeldOutSection:
    none = "not measured: training diverged"
    federated, local, pooled = (
        measured(task, quality, none) for quality in (apart.federated, apart.local, apart.pooled)
    )
    comparisons = [compare(task, "pooled training", federated, pooled, apart.difference_to_pooled)]
    if apart.difference_to_local:
        comparisons.insert(0, compare_local(task, federated, local, apart))
    return HeldOutSection(
        kind, federated, local, pooled, tuple(comparisons), tuple(apart.rows),
        sum(apart.rows.values()), apart.persons,
    )  # fmt: skip
