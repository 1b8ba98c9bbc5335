"""Quality over all sites, as one process can compute it that holds everybody's test rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.table import SiteRows
from collegium.learning.algorithms.schedule import training_at
from collegium.learning.evaluation import intervals as bootstrap
from collegium.learning.evaluation.calibration import reliability
from collegium.learning.evaluation.metrics import measure
from collegium.learning.models import initial_parameters, learned, losses, predict
from collegium.learning.trainer import TrainingJob
from collegium.measuring.risks import risks_of
from collegium.report.measurements import Calibration, Interval, Quality, Risks
from collegium.study.networks import ODDITIES
from collegium.study.searching import in_trial

Float32 = NDArray[np.float32]
Scores = dict[str, NDArray[np.float64]]
Parts = Mapping[str, SiteRows]


class _Settings(TypedDict):
    threshold: float
    replicates: int
    seed: int


def pooled_parameters(prepared: Prepared, trial: int = 1) -> Float32:
    """Return one model trained on all sites' rows put together, with the same budget, float32 [d].

    Possible in a simulation only: it is what federated learning does without.

    Args:
        prepared: the study.
        trial: as in which of its ways of training, where it tries several.
    """
    study = in_trial(prepared.study, trial)
    spec = replace(prepared.parts.spec, l2=study.model.l2)
    parts = list(prepared.train.values())
    x = np.concatenate([rows.x for rows in parts])
    y = learned(spec, np.concatenate([rows.y for rows in parts]))
    parameters = initial_parameters(spec, study.study.seed)
    for number in range(1, study.training.rounds + 1):
        job = TrainingJob("pooled", x, y, parameters, number)
        parameters = prepared.parts.trainer.train(
            [job], spec, training_at(study.training, number), study.study.seed
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


def finite_scores_of(prepared: Prepared, parameters: Callable[[str], Float32]) -> Scores | None:
    """Return the scores of `scores_of` at those sites whose parameters are finite; None of none."""
    models = {name: parameters(name) for name in prepared.test}
    found = {
        name: predict(prepared.parts.spec, models[name], rows.x)
        for name, rows in prepared.test.items()
        if np.isfinite(models[name]).all()
    }
    return found or None


def beside(scores: Scores | None, other: Scores | None) -> Scores | None:
    """Return the scores at those sites at which another model has some; None where it has all."""
    if scores is None or other is None or scores.keys() <= other.keys():
        return None
    return {name: own for name, own in scores.items() if name in other}


def quality_of(
    prepared: Prepared, parts: Parts, scores: Scores | None, *, strata: bool = True
) -> Quality | None:
    """Return the quality that scores on parts mean, with bootstrap intervals.

    Args:
        prepared: the study.
        parts: rows by name, such as the sites' test parts.
        scores: on each part, or on some of them, which are then those that count.
        strata: whether resamplings over all parts keep each part's persons in number.
    """
    if scores is None:
        return None
    task, parts = prepared.dataset.schema.task, _scored(parts, scores)
    rows = together(parts, scores)
    settings = _settings(prepared)
    overall = bootstrap.intervals(
        task, rows.y, rows.scores, site=rows.part if strata else None, person=rows.person,
        **settings,
    )  # fmt: skip
    by_part = {
        name: bootstrap.intervals(task, own.y, scores[name], person=own.person, **settings)
        for name, own in parts.items()
    }
    threshold = prepared.study.evaluation.threshold
    of_risks = task == "binary" and prepared.study.model.architecture not in ODDITIES
    return Quality(
        overall=measure(task, rows.y, rows.scores, threshold),
        sites={name: measure(task, own.y, scores[name], threshold) for name, own in parts.items()},
        overall_intervals=_plain(overall),
        site_intervals={name: _plain(found) for name, found in by_part.items()},
        calibration=tuple(
            Calibration(one.rows, one.mean_score, one.rate)
            for one in (reliability(task, rows.y, rows.scores) if of_risks else ())
        ),
        risks=_risks(parts, scores) if of_risks else None,
    )


def _risks(parts: Parts, scores: Scores) -> Risks:
    return risks_of([own.y == 1 for own in parts.values()], [scores[name][:, 0] for name in parts])


def measures_on(
    prepared: Prepared, sites: Sequence[str], parameters: Float32
) -> dict[str, float | None] | None:
    """Return a model's measures on the test rows of some sites together; None if it diverged."""
    if not np.isfinite(parameters).all():
        return None
    rows = [prepared.test[name] for name in sites]
    scores = [predict(prepared.parts.spec, parameters, one.x) for one in rows]
    return measure(
        prepared.dataset.schema.task, np.concatenate([one.y for one in rows]),
        np.concatenate(scores), prepared.study.evaluation.threshold,
    )  # fmt: skip


def difference_of(
    prepared: Prepared, parts: Parts, scores: Scores | None, other: Scores | None, *,
    strata: bool = True,
) -> dict[str, Interval | None]:  # fmt: skip
    """Return the paired interval of (a model's measure - another's), by metric.

    It is over the parts on which both have scores.
    """
    if scores is None or other is None:
        return {}
    parts = _scored(_scored(parts, scores), other)
    rows, against = together(parts, scores), together(parts, other)
    return _plain(
        bootstrap.intervals_of_difference(
            prepared.dataset.schema.task, rows.y, [(rows.scores, against.scores)],
            site=rows.part if strata else None, person=rows.person, **_settings(prepared),
        )
    )  # fmt: skip


def _scored(parts: Parts, scores: Scores) -> Parts:
    return {name: rows for name, rows in parts.items() if name in scores}


def training_metrics(prepared: Prepared, parameters: Float32) -> dict[str, dict[str, float | None]]:
    """Return loss and main metrics on the training rows, by site and "overall"."""
    task = prepared.dataset.schema.task
    threshold = prepared.study.evaluation.threshold
    scores = {
        name: predict(prepared.parts.spec, parameters, rows.x) for name, rows in _train(prepared)
    }
    loss = _losses(prepared, parameters)
    found: dict[str, dict[str, float | None]] = {
        name: {"loss": float(loss[name].mean()), **measure(task, rows.y, scores[name], threshold)}
        for name, rows in _train(prepared)
    }
    rows = together(prepared.train, scores)
    everywhere = measure(task, rows.y, rows.scores, threshold)
    found["overall"] = {"loss": _mean(loss), **everywhere}
    return found


def training_loss(prepared: Prepared, parameters: Float32) -> float:
    """Return the mean loss on all training rows."""
    return _mean(_losses(prepared, parameters))


def _losses(prepared: Prepared, parameters: Float32) -> dict[str, NDArray[np.float64]]:
    """Return the losses of training rows, by site."""
    return {
        name: losses(prepared.parts.spec, parameters, rows.x, rows.y)
        for name, rows in _train(prepared)
    }


def _mean(loss: Mapping[str, NDArray[np.float64]]) -> float:
    return float(np.concatenate(list(loss.values())).mean())


def _train(prepared: Prepared) -> list[tuple[str, SiteRows]]:
    return list(prepared.train.items())


@dataclass(frozen=True, slots=True, eq=False)
class PooledRows:
    """Rows of several parts put together: true values, scores, part and person of each."""

    y: NDArray[Any]
    scores: NDArray[np.float64]
    part: NDArray[np.int64]
    person: NDArray[np.int64]


def together(parts: Parts, scores: Scores) -> PooledRows:
    """Return the rows of all parts, in order of the parts, with their scores."""
    return PooledRows(
        np.concatenate([rows.y for rows in parts.values()]),
        np.concatenate([scores[name] for name in parts]),
        np.repeat(np.arange(len(parts)), [len(rows.y) for rows in parts.values()]),
        np.concatenate([rows.person for rows in parts.values()]),
    )


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
