"""Quality on each subgroup that a study names, over the test rows of all sites."""

from __future__ import annotations

import numpy as np

from collegium.data.subgroups import subgroups
from collegium.data.table import take
from collegium.learning.evaluation.statement import SMALLEST_COUNT
from collegium.report.measurements import Subgroup
from collegium.running.measuring import Scores, quality_of
from collegium.running.preparation import Prepared


def quality_by_subgroup(prepared: Prepared, scores: Scores | None) -> tuple[Subgroup, ...]:
    """Return the study's model on each subgroup; nothing but rows of one that is too small."""
    asked = prepared.study.evaluation.subgroups
    if not asked or scores is None:
        return ()
    found = []
    for group in subgroups(prepared.dataset.schema, asked):
        inside = {name: group.of(rows.x) for name, rows in prepared.test.items()}
        parts = {
            name: take(rows, inside[name])
            for name, rows in prepared.test.items()
            if inside[name].any()
        }
        count = sum(int(mask.sum()) for mask in inside.values())
        y = np.concatenate([np.empty(0), *(rows.y for rows in parts.values() if rows.y.ndim == 1)])
        _, sizes = np.unique(y, return_counts=True)
        few = count < 2 * SMALLEST_COUNT
        if prepared.dataset.schema.classes:
            few = few or len(sizes) < 2 or int(sizes.min()) < SMALLEST_COUNT
        quality = None
        if not few:
            quality = quality_of(
                prepared, parts, {name: scores[name][inside[name]] for name in parts}
            )
        found.append(
            Subgroup(
                group.title, group.feature, count,
                {} if quality is None else quality.overall,
                {} if quality is None else quality.overall_intervals,
            )
        )  # fmt: skip
    return tuple(found)
