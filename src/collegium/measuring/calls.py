"""How a study's model calls the test rows of all sites, for whoever may know: rows, or counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.table import CLASSIFYING
from collegium.learning.evaluation.calls import (
    confusion,
    precision_recall,
    predictive_resampled,
    roc,
)
from collegium.learning.evaluation.intervals import intervals_by
from collegium.learning.evaluation.statement import UNITS, Statement
from collegium.learning.evaluation.summed import EvaluationSum
from collegium.measuring.quality import PooledRows, Scores, together
from collegium.report.calibration import wilson
from collegium.report.measurements import CalledRows, Interval

Points = tuple[tuple[float, float], ...]


def calls_on_rows(prepared: Prepared, scores: Scores | None) -> CalledRows | None:
    """Return how a model calls the test rows, in a simulation; None of one that diverged."""
    if scores is None:
        return None
    task, evaluation = prepared.dataset.schema.task, prepared.study.evaluation
    rows = together(prepared.test, scores)
    told = CalledRows(rows=len(rows.y), persons=len(np.unique(rows.person)))
    if task not in CLASSIFYING:
        return told
    counted = confusion(task, rows.y, rows.scores, evaluation.threshold)
    told = msgspec.structs.replace(told, confusion=_nested(counted.tolist()))
    if task != "binary":
        return told
    return _with_curves(told, rows, evaluation.threshold, evaluation.bootstrap,
                        prepared.study.study.seed)  # fmt: skip


def _with_curves(
    told: CalledRows, rows: PooledRows, threshold: float, replicates: int, seed: int
) -> CalledRows:
    positive, score = rows.y == 1, rows.scores[:, 0].astype(np.float64)

    def measured(counts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        return predictive_resampled(positive, score, threshold, counts)

    once = measured(np.ones((1, len(score)), dtype=np.int64))
    bounds = intervals_by(
        measured, len(score), replicates=replicates, seed=seed, site=rows.part, person=rows.person
    )
    both = bool(positive.any()) and not positive.all()
    return msgspec.structs.replace(
        told,
        values={
            name: None if np.isnan(value[0]) else float(value[0]) for name, value in once.items()
        },
        intervals={
            name: None if one is None else Interval(one.low, one.high)
            for name, one in bounds.items()
        },
        roc=_points(roc(positive, score)) if both else (),
        precision=_points(precision_recall(positive, score)) if both else (),
    )


def calls_of_sum(summed: EvaluationSum) -> CalledRows:
    """Return what a secure sum tells of calls; of curves the ends of its bins."""
    classes = summed.classes if isinstance(summed.classes, tuple) else None
    if not isinstance(summed.calls, tuple):
        prevalence = {} if classes is None else {"prevalence": (classes[1], summed.rows)}
        return _of_counts(summed.rows, prevalence)
    bins = summed.table[::-1]
    found = [0, *accumulate(one.hits for one in bins)]
    called = [0, *accumulate(one.rows for one in bins)]
    curve: Points = ()
    if len(bins) > 1:
        others = [all_ - right for all_, right in zip(called, found, strict=True)]
        curve = tuple((a / others[-1], b / found[-1]) for a, b in zip(others, found, strict=True))
    rejected, alarms, missed, hits = summed.calls
    counted = ((rejected, alarms), (missed, hits))
    told = _of_counts(summed.rows, _predictive(counted))
    return msgspec.structs.replace(told, confusion=counted, roc=curve)


def calls_of_statements(
    statements: Sequence[Statement], sites: int, *, noised: bool = False
) -> CalledRows | None:
    """Return what the sites' statements add up to; None unless each tells its rows.

    The calls follow only where no site withholds its classes, and of two classes only. Counts that
    are noised have no intervals here.
    """
    if len(statements) < sites or not statements:
        return None
    rows = sum(one.rows for one in statements)
    added = [calls for one in statements if (calls := _calls(one)) is not None]
    if len(added) < sites:
        return CalledRows(rows=rows)
    (rejected, alarms), (missed, hits) = np.sum(added, axis=0).tolist()
    counted = ((rejected, alarms), (missed, hits))
    told = _of_counts(rows, _predictive(counted))
    intervals = {} if noised else told.intervals
    return msgspec.structs.replace(told, confusion=counted, intervals=intervals)


def rates(counted: Sequence[Sequence[int]]) -> dict[str, tuple[int, int]]:
    """Return sensitivity and specificity as a part and the whole, from a confusion matrix."""
    (rejected, alarms), (missed, hits) = counted
    return {
        "sensitivity": (hits, missed + hits), "specificity": (rejected, rejected + alarms),
    }  # fmt: skip


def interval_of(part: int, whole: int) -> Interval | None:
    """Return the 95 % score interval of a share, as if rows were independent; None of no rows."""
    return Interval(*wilson(part / whole, whole)) if whole else None


def _predictive(counted: Sequence[Sequence[int]]) -> dict[str, tuple[int, int]]:
    (rejected, alarms), (missed, hits) = counted
    return {
        "prevalence": (missed + hits, rejected + alarms + missed + hits),
        "ppv": (hits, hits + alarms), "npv": (rejected, rejected + missed),
    }  # fmt: skip


def _of_counts(rows: int, shares: Mapping[str, tuple[int, int]]) -> CalledRows:
    return CalledRows(
        rows=rows,
        values={name: part / whole if whole else None for name, (part, whole) in shares.items()},
        intervals={name: interval_of(*share) for name, share in shares.items()},
    )


def _calls(one: Statement) -> NDArray[np.int64] | None:
    if not isinstance(one.classes, tuple) or one.task != "binary":
        return None
    told = {value.name: value.value for value in one.values}
    negatives, positives = one.classes
    rejected = round(told["specificity"] / UNITS * negatives)
    hits = round(told["sensitivity"] / UNITS * positives)
    return np.array([[rejected, negatives - rejected], [positives - hits, hits]], np.int64)


def _points(curve: NDArray[np.float64]) -> Points:
    return tuple((float(x), float(y)) for x, y in curve)


def _nested(counted: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, counted))
