"""Test pictures with what a model outlines in them, from the worst to the best.

Pictures are patients' rows: only those of data sets that come with the package leave their site,
since anybody has them already.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.learning.evaluation.overlap import overlaps
from collegium.measuring.quality import Scores, together
from collegium.plugins import BUILT_IN
from collegium.report.measurements import Picture

SHOWN = 6
"""The worst, the best, and others at equal steps of rank between them."""

_SHADES = "0123456789abcdef"


def pictures_of(prepared: Prepared, scores: Scores | None) -> tuple[Picture, ...]:
    """Return pictures of a segmentation; none of other tasks, of others' data, or not square."""
    source = prepared.study.data.source
    public = isinstance(source, str) and source in BUILT_IN["datasets"]
    if scores is None or prepared.dataset.schema.task != "segmentation" or not public:
        return ()
    rows = together(prepared.test, scores)
    x = np.concatenate([part.x for part in prepared.test.values()])
    if isqrt(x.shape[1]) ** 2 != x.shape[1]:
        return ()
    threshold = prepared.study.evaluation.threshold
    dice = overlaps(rows.y, rows.scores.astype(np.float64), threshold)["dice"]
    ranked = np.argsort(dice, kind="stable")
    chosen = ranked[np.unique(np.linspace(0, len(ranked) - 1, SHOWN).round().astype(np.int64))]
    names = list(prepared.test)
    return tuple(
        Picture(
            site=names[rows.part[one]], dice=float(dice[one]), grey=_grey(x[one]),
            reference=_mask(rows.y[one] == 1), outlined=_mask(rows.scores[one] >= threshold),
        )
        for one in chosen
    )  # fmt: skip


def _grey(pixels: NDArray[Any]) -> str:
    """Return pixels as shades between the 1st and the 99th percentile of the picture."""
    low, high = np.quantile(pixels, [0.01, 0.99])
    part = np.clip((pixels - low) / max(float(high - low), 1e-9), 0, 1)
    return "".join(_SHADES[place] for place in (part * 15).round().astype(np.int64).tolist())


def _mask(pixels: NDArray[np.bool_]) -> str:
    return "".join("01"[one] for one in pixels.tolist())
