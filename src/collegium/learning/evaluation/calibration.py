"""Whether probabilities mean what they say: a reliability table.

Rows are put into bins of equal width by the score; in a calibrated model the share of positive
rows in a bin equals the mean score there (DeGroot and Fienberg 1983). For more than two classes
the score is that of the predicted class and the share that of correct rows (Guo et al. 2017).
The table counts few rows in some bins: it stays at the site and in a report from pooled rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import CLASSIFYING, Task
from collegium.errors import DataError
from collegium.learning.evaluation.metrics import check_scores


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a reliability table: scores within [low, high), the last bin with 1."""

    low: float
    high: float
    rows: int
    mean_score: float
    rate: float


def reliability(
    task: Task, y: NDArray[Any], scores: NDArray[Any], bins: int = 10
) -> tuple[Bin, ...]:
    """Return the bins that hold a row, by score.

    Raises:
        DataError: the task has no classes, or y and scores do not fit to each other.
    """
    if task not in CLASSIFYING:
        raise DataError(
            "data.scores",
            f"a {task} has no calibration table",
            "its predictions are no probabilities",
            "ask for the task's own measures instead",
        )
    check_scores(task, y, scores)
    exact = scores.astype(np.float64)
    score = exact.max(axis=1)
    hit = y == (1 if task == "binary" else np.argmax(exact, axis=1))
    edges = np.arange(bins + 1) / bins
    bin_of_row = np.minimum(np.searchsorted(edges, score, side="right") - 1, bins - 1)
    rows = np.bincount(bin_of_row, minlength=bins)
    total = np.bincount(bin_of_row, weights=score, minlength=bins)
    hits = np.bincount(bin_of_row, weights=hit, minlength=bins)
    return tuple(
        Bin(
            float(edges[i]),
            float(edges[i + 1]),
            int(rows[i]),
            float(total[i] / rows[i]),
            float(hits[i] / rows[i]),
        )
        for i in np.flatnonzero(rows)
    )
