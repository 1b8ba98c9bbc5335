"""What knowing a row's site alone is worth: how far site and answer are confounded.

A model that can tell the sites apart by the looks of their rows gets that much for nothing, and
none of it at a site that it has not seen (Zech et al., "Variable generalization performance of a
deep learning model to detect pneumonia in chest radiographs", PLOS Medicine 15, 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import Schema, SiteRows
from collegium.learning.evaluation.metrics import measure
from collegium.report.wording import PRIMARY
from collegium.study.notice import Notice

TELLING = 0.65
"""From this AUC on the owner of a binary study is told."""


def site_alone(
    schema: Schema, train: Mapping[str, SiteRows], test: Mapping[str, SiteRows]
) -> float | None:
    """Return a task's main measure where every test row's score is its site's training mean.

    None where the measure is undefined, and for tasks whose answer has no such mean.

    Args:
        schema: what the rows' answers are.
        train: training rows by site.
        test: test rows of the same sites.
    """
    if schema.task in ("ordinal", "survival", "segmentation"):
        return None
    y = np.concatenate([rows.y for rows in test.values()])
    means = [np.tile(_mean(schema, train[name].y), (len(rows.y), 1)) for name, rows in test.items()]
    return measure(schema.task, y, np.concatenate(means))[PRIMARY[schema.task]]


def about_site_alone(schema: Schema, train: Mapping[str, SiteRows]) -> tuple[Notice, ...]:
    """Return a note where the site alone answers a binary question better than it should."""
    value = site_alone(schema, train, train) if schema.task == "binary" else None
    if value is None or value < TELLING:
        return ()
    return (Notice("note", "study.site-tells-answer", {"auc": value}),)


def _mean(schema: Schema, y: NDArray[Any]) -> NDArray[np.float64]:
    """Return what a site's rows are scored with: its shares of classes, or its mean."""
    if schema.task == "multiclass":
        return np.asarray(np.bincount(y, minlength=len(schema.classes)) / len(y))
    return np.array([float(y.mean())])
