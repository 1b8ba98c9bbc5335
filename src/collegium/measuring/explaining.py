"""What a study's model looks at: features shuffled, and features set to one value.

Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) shuffles a feature among
the test rows of a site, never between sites, so that each site can do it with its own rows and
only sums are put together. Partial dependence (Friedman 2001) is a mean over all rows, which is
a sum over sites as well. Features that go together share what a shuffle shows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.randomness import draws
from collegium.learning.evaluation.kendall_w import concordance_of_orders
from collegium.learning.evaluation.metrics import measure
from collegium.learning.models import losses, predict
from collegium.measuring.features import ModelFeature, model_features
from collegium.report.measurements import Explanation, Importance
from collegium.report.wording import PRIMARY, SMALLER_IS_BETTER

Model = Callable[[str], NDArray[np.float32]]

SHUFFLES = 10
MOST_FEATURES = 64
"""With more features than that, a list of them explains nothing."""


def explain(prepared: Prepared, model: Model) -> Explanation:
    """Return what a model looks at, on the sites' test rows.

    Args:
        prepared: the study.
        model: returns the parameters that a site uses, float32 [d]: the same, unless personal.
    """
    parameters = {site: model(site) for site in prepared.test}
    features = model_features(prepared)
    if len(features) > MOST_FEATURES:
        return Explanation((), None, f"it has more than {MOST_FEATURES} features")
    spec, test = prepared.parts.spec, prepared.test
    whole = _primary(
        prepared, {site: predict(spec, parameters[site], rows.x) for site, rows in test.items()}
    )
    unshuffled = {
        site: losses(spec, parameters[site], rows.x, rows.y) for site, rows in test.items()
    }
    found = [_importance(prepared, parameters, feature, whole, unshuffled) for feature in features]
    by_site = np.array([[one.loss[site] for one in found] for site in prepared.test])
    found.sort(key=lambda one: -_order(one))
    return Explanation(tuple(found), concordance_of_orders(by_site))


def _order(one: Importance) -> float:
    """Return what features are ordered by: the drop, or the loss where that is undefined."""
    return one.drop if one.drop is not None else sum(one.loss.values()) / len(one.loss)


def _importance(
    prepared: Prepared,
    parameters: Mapping[str, NDArray[np.float32]],
    feature: ModelFeature,
    before: float | None,
    unshuffled: Mapping[str, NDArray[np.float64]],
) -> Importance:
    """Return what shuffling a feature does to the primary measure and to each row's loss."""
    spec = prepared.parts.spec
    seed = prepared.study.study.seed
    generators = {site: draws("permutation", seed, feature.name, site) for site in prepared.test}
    loss = dict.fromkeys(prepared.test, 0.0)
    drops = []
    for _ in range(SHUFFLES):
        scores = {}
        for site, rows in prepared.test.items():
            x = rows.x.copy()
            order = generators[site].permutation(len(x))
            columns = list(feature.columns)
            x[:, columns] = rows.x[order][:, columns]
            scores[site] = predict(spec, parameters[site], x)
            grown = losses(spec, parameters[site], x, rows.y) - unshuffled[site]
            loss[site] += float(grown.mean()) / SHUFFLES
        after = _primary(prepared, scores)
        if before is not None and after is not None:
            drops.append(before - after)
    return Importance(
        feature=feature.name,
        title=feature.title,
        drop=float(np.mean(drops)) if drops else None,
        spread=float(np.std(drops, ddof=1)) if len(drops) > 1 else 0.0,
        loss=loss,
        effect=tuple(_effect(prepared, parameters, feature)),
        unit=feature.unit,
    )


def _primary(prepared: Prepared, scores: dict[str, NDArray[np.float64]]) -> float | None:
    """Return the task's primary measure over all sites, so that larger is better."""
    task = prepared.dataset.schema.task
    y = np.concatenate([rows.y for rows in prepared.test.values()])
    together = np.concatenate([scores[site] for site in prepared.test])
    value = measure(task, y, together, prepared.study.evaluation.threshold)[PRIMARY[task]]
    return -value if value is not None and PRIMARY[task] in SMALLER_IS_BETTER else value


def _effect(
    prepared: Prepared,
    parameters: Mapping[str, NDArray[np.float32]],
    feature: ModelFeature,
) -> Iterator[tuple[str, float]]:
    """Yield partial dependence, for models that say one thing about a row."""
    spec = prepared.parts.spec
    if spec.widths[-1] != 1 or spec.gaps:
        return
    rows = {site: part.x.copy() for site, part in prepared.test.items()}
    for shown, inputs in feature.settings:
        total = 0.0
        for site, x in rows.items():
            x[:, list(feature.columns)] = inputs
            total += float(predict(spec, parameters[site], x).sum())
        yield shown, total / sum(map(len, rows.values()))
