"""Quality over all sites, as one process can compute it that holds everybody's test rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.learning.evaluation import intervals as bootstrap
from collegium.learning.evaluation.calibration import reliability
from collegium.learning.evaluation.metrics import measure
from collegium.learning.models import initial_parameters, losses, predict
from collegium.learning.trainer import TrainingJob
from collegium.report.measurements import Calibration, Interval, Quality
from collegium.running.preparation import Prepared

Float32 = NDArray[np.float32]
Scores = dict[str, NDArray[np.float64]]


class _Settings(TypedDict):
    threshold: float
    replicates: int
    seed: int


def pooled_parameters(prepared: Prepared) -> Float32:
    """Return one model trained on all sites' rows put together, with the same budget, float32 [d].

    Possible in a simulation only: it is what federated learning does without.
    """
    study = prepared.study
    parts = list(prepared.train.values())
    x = np.concatenate([rows.x for rows in parts])
    y = np.concatenate([rows.y for rows in parts])
    parameters = initial_parameters(prepared.parts.spec, study.study.seed)
    for number in range(1, study.training.rounds + 1):
        job = TrainingJob("pooled", x, y, parameters, number)
        parameters = prepared.parts.trainer.train(
            [job], prepared.parts.spec, study.training, study.study.seed
        )[0]
    return parameters


def scores_of(prepared: Prepared, parameters: Callable[[str], Float32]) -> Scores | None:
    """Return each site's scores on its test rows, by the parameters that belong to the site.

    None where parameters are not finite: training diverged, and there is nothing to measure.
    """
    models = {name: parameters(name) for name in prepared.test}
    if not all(np.isfinite(model).all() for model in models.values()):
        return None
    return {
        name: predict(prepared.parts.spec, models[name], rows.x)
        for name, rows in prepared.test.items()
    }


def quality_of(prepared: Prepared, scores: Scores | None) -> Quality | None:
    """Return the quality that scores on the test parts mean, with bootstrap intervals."""
    if scores is None:
        return None
    task = prepared.dataset.schema.task
    y, site, together = _together(prepared.test, scores)
    settings = _settings(prepared)
    overall = bootstrap.intervals(task, y, together, site=site, **settings)
    by_site = {
        name: bootstrap.intervals(task, rows.y, scores[name], **settings)
        for name, rows in prepared.test.items()
    }
    threshold = prepared.study.evaluation.threshold
    return Quality(
        overall=measure(task, y, together, threshold),
        sites={
            name: measure(task, rows.y, scores[name], threshold)
            for name, rows in prepared.test.items()
        },
        overall_intervals=_plain(overall),
        site_intervals={name: _plain(found) for name, found in by_site.items()},
        calibration=tuple(
            Calibration(one.rows, one.mean_score, one.rate)
            for one in (reliability(task, y, together) if task == "binary" else ())
        ),
    )


def difference_of(
    prepared: Prepared, scores: Scores | None, other: Scores | None
) -> dict[str, Interval | None]:
    """Return the paired interval of (a model's measure - another's) over all sites, by metric."""
    if scores is None or other is None:
        return {}
    task = prepared.dataset.schema.task
    y, site, together = _together(prepared.test, scores)
    _, _, against = _together(prepared.test, other)
    return _plain(
        bootstrap.intervals_of_difference(
            task, y, together, against, site=site, **_settings(prepared)
        )
    )


def training_metrics(prepared: Prepared, parameters: Float32) -> dict[str, dict[str, float | None]]:
    """Return loss and main metrics on the training rows, by site and "overall"."""
    task = prepared.dataset.schema.task
    threshold = prepared.study.evaluation.threshold
    scores = {
        name: predict(prepared.parts.spec, parameters, rows.x) for name, rows in _train(prepared)
    }
    loss = {
        name: losses(prepared.parts.spec, parameters, rows.x, rows.y)
        for name, rows in _train(prepared)
    }
    found: dict[str, dict[str, float | None]] = {
        name: {"loss": float(loss[name].mean()), **measure(task, rows.y, scores[name], threshold)}
        for name, rows in _train(prepared)
    }
    y, _, together = _together(prepared.train, scores)
    all_losses = np.concatenate(list(loss.values()))
    found["overall"] = {"loss": float(all_losses.mean()), **measure(task, y, together, threshold)}
    return found


def _train(prepared: Prepared) -> list[tuple[str, SiteRows]]:
    return list(prepared.train.items())


def _together(
    parts: Mapping[str, SiteRows], scores: Scores
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    y = np.concatenate([rows.y for rows in parts.values()])
    site = np.repeat(np.arange(len(parts)), [len(rows.y) for rows in parts.values()])
    return y, site, np.concatenate([scores[name] for name in parts])


def _settings(prepared: Prepared) -> _Settings:
    evaluation = prepared.study.evaluation
    return {
        "threshold": evaluation.threshold,
        "replicates": evaluation.bootstrap,
        "seed": prepared.study.study.seed,
    }


def _plain(found: Mapping[str, bootstrap.Interval | None]) -> dict[str, Interval | None]:
    return {
        name: None if one is None else Interval(one.low, one.high) for name, one in found.items()
    }
