"""Quality on rows that were kept apart: by an evaluator from all sites, or fold by fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.table import SiteRows, together
from collegium.learning.models import predict
from collegium.measuring.quality import (
    Scores,
    beside,
    difference_of,
    finite_scores_of,
    quality_of,
    scores_of,
)
from collegium.report.measurements import HeldOutQuality, Quality

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ModelsCompared:
    """What a finished study can be judged by.

    Attributes:
        prepared: the study.
        federated: its model, float32 [d].
        in_use: returns what a site makes of that for itself, where models are personal.
        alone: returns a site's model from its own rows alone.
        pooled: one of all rows.
    """

    prepared: Prepared
    federated: Float32
    in_use: Callable[[str], Float32]
    alone: Callable[[str], Float32]
    pooled: Float32

    def scores(self) -> tuple[Scores | None, Scores | None, Scores | None]:
        """Return the scores of federated, local and pooled models on the sites' test rows.

        Local ones are those of the sites whose own training did not diverge.
        """
        return (
            scores_of(self.prepared, self.in_use),
            finite_scores_of(self.prepared, self.alone),
            scores_of(self.prepared, lambda _: self.pooled),
        )


def on_unseen(models: ModelsCompared) -> HeldOutQuality | None:
    """Return the quality on an evaluator's rows; None where the data set has none.

    Intervals are over persons drawn from all that the evaluator has. Local is the mean of what
    the sites' own models measure there, without those that diverged: no one of them is the
    consortium's.
    """
    prepared = models.prepared
    parts = {rows.name: rows for rows in prepared.dataset.unseen}
    if not parts:
        return None
    federated, pooled = (
        _scores(prepared, parts, parameters) for parameters in (models.federated, models.pooled)
    )
    local = _mean_of_own(models, parts)
    return HeldOutQuality(
        federated=quality_of(prepared, parts, federated, strata=False),
        local=local,
        local_missing=missing_of(prepared.sites, None if local is None else local.sites),
        pooled=quality_of(prepared, parts, pooled, strata=False),
        difference_to_pooled=difference_of(prepared, parts, federated, pooled, strata=False),
        difference_to_local={},
        rows={name: len(rows.y) for name, rows in parts.items()},
        persons=len(np.unique(np.concatenate([rows.person for rows in parts.values()]))),
    )


def out_of_fold(folds: Sequence[ModelsCompared]) -> HeldOutQuality:
    """Return the quality on all rows, each scored by the models that never saw its person.

    Args:
        folds: of each fold's study, in order; their test parts are all rows.
    """
    prepared = folds[0].prepared
    parts = {
        name: together(name, [_answers(fold.prepared.test[name]) for fold in folds])
        for name in prepared.sites
    }
    everybodys, own, together_trained = zip(*(fold.scores() for fold in folds), strict=True)
    federated, local, pooled = map(_joined, (everybodys, own, together_trained))
    return HeldOutQuality(
        federated=quality_of(prepared, parts, federated),
        local=quality_of(prepared, parts, local),
        local_missing=missing_of(prepared.sites, local),
        federated_beside_local=quality_of(prepared, parts, beside(federated, local)),
        pooled=quality_of(prepared, parts, pooled),
        difference_to_pooled=difference_of(prepared, parts, federated, pooled),
        difference_to_local=difference_of(prepared, parts, federated, local),
        rows={name: len(rows.y) for name, rows in parts.items()},
        persons=len(np.unique(np.concatenate([rows.person for rows in parts.values()]))),
    )


def _answers(rows: SiteRows) -> SiteRows:
    """Return rows without inputs: those of a table are other ones in each fold."""
    return replace(rows, x=rows.x[:, :0])


def missing_of(sites: Sequence[str], there: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return the sites that are not there, where some are."""
    return () if there is None else tuple(name for name in sites if name not in there)


def _joined(scores: Sequence[Scores | None]) -> Scores | None:
    there = [one for one in scores if one is not None]
    if len(there) < len(scores):
        return None  # a fold's training diverged
    sites = [name for name in there[0] if all(name in one for one in there)]
    return {name: np.concatenate([one[name] for one in there]) for name in sites} or None


def _scores(
    prepared: Prepared, parts: Mapping[str, SiteRows], parameters: Float32
) -> Scores | None:
    if not np.isfinite(parameters).all():
        return None
    return {name: predict(prepared.parts.spec, parameters, rows.x) for name, rows in parts.items()}


def _mean_of_own(models: ModelsCompared, parts: Mapping[str, SiteRows]) -> Quality | None:
    """Return each site's own model on all parts together, by site, and their mean overall."""
    prepared = models.prepared
    everything = {"unseen": together("unseen", list(parts.values()))}
    own = {}
    for site in prepared.sites:
        scores = _scores(prepared, everything, models.alone(site))
        quality = quality_of(prepared, everything, scores, strata=False)
        if quality is not None:
            own[site] = quality
    if not own:
        return None
    names = list(next(iter(own.values())).overall)
    values = {name: [one.overall[name] for one in own.values()] for name in names}
    return Quality(
        overall={
            name: None if None in told else float(np.mean([one for one in told if one is not None]))
            for name, told in values.items()
        },
        sites={site: one.overall for site, one in own.items()},
        overall_intervals={},
        site_intervals={site: one.overall_intervals for site, one in own.items()},
    )
