"""What predicted risks are worth, from the rows of all sites together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.learning.evaluation.binned_ranking import auc_of_counts, histogram
from collegium.learning.evaluation.decision import THRESHOLDS, act_on_all, net_benefit
from collegium.learning.evaluation.intervals import Interval
from collegium.learning.evaluation.recalibration import recalibration
from collegium.report.measurements import Benefit, Estimate, Risks


def risks_of(positive: Sequence[NDArray[np.bool_]], score: Sequence[NDArray[np.float64]]) -> Risks:
    """Return the measures of a binary task's risks.

    Args:
        positive: of each site [rows], which rows have the outcome.
        score: of each site [rows], the risk predicted for them.
    """
    counts = [histogram(own, said) for own, said in zip(positive, score, strict=True)]
    happened, risk = np.concatenate(positive), np.concatenate(score)
    found = recalibration(happened, risk)
    curves = net_benefit(happened, risk, THRESHOLDS), act_on_all(happened, THRESHOLDS)
    return Risks(
        slope=None if found is None else _estimate(found.slope),
        intercept=None if found is None else _estimate(found.intercept),
        benefit=tuple(map(Benefit, THRESHOLDS.tolist(), *(curve.tolist() for curve in curves))),
        binned_auc=auc_of_counts(np.sum(counts, axis=0)),
    )


def _estimate(one: Interval) -> Estimate:
    return Estimate(one.value, one.low, one.high)
