"""How much of a site's rows can be rebuilt from one step of a study, without privacy and with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO
from collegium.errors import StudyError
from collegium.learning.models import initial_parameters
from collegium.running.preparation import Prepared
from collegium.study.privacy import privacy_terms
from collegium.threats.inversion import (
    Rebuilt,
    gradients,
    judged,
    label_of_one,
    matched,
    quotients,
)

_STEPS = 300


@dataclass(frozen=True, slots=True)
class Inversion:
    """What was rebuilt from steps over batches of some rows of one site.

    `labels` is the share of single rows' labels that were told right, None for larger batches.
    `noise` says whether the steps were those of the study's DP-SGD, and with which multiplier.
    """

    study: str
    site: str
    batch: int
    attacks: tuple[Rebuilt, ...]
    labels: float | None
    noise: float | None


def invert(prepared: Prepared, *, batch: int, trials: int) -> Inversion:
    """Rebuild rows of the first site from one step over each of some batches of them.

    The attacker sees the step itself, knows the model and, for batches of several rows, the labels.

    Args:
        prepared: the study.
        batch: rows in a step.
        trials: steps to attack.

    Raises:
        StudyError: its model has no classes, or the site has fewer rows than a batch.
    """
    spec, study = prepared.parts.spec, prepared.study
    site, rows = next(iter(prepared.train.items()))
    if spec.loss not in ("logistic", "multinomial"):
        raise StudyError(
            "bench.no-classes", f"{study.study.id} predicts no classes",
            "the attacks go by the gradients of a model of classes",
            "choose a study with a binary or multiclass target",
        )  # fmt: skip
    if batch > len(rows.y):
        raise StudyError(
            "bench.batch", f"{site} has {len(rows.y)} rows, and a batch {batch}",
            "a batch is drawn without putting back", "choose a smaller --batch",
        )  # fmt: skip
    rng = np.random.default_rng(study.study.seed)
    parameters = initial_parameters(spec, study.study.seed).astype(np.float64)
    if len(spec.widths) == 2:  # at zero every row of a class has the same error
        parameters += 0.1 * rng.standard_normal(parameters.shape)
    x = rows.x.astype(np.float64)
    y = rows.y[:, None].astype(np.float64)
    if spec.loss == "multinomial":
        y = np.eye(spec.widths[-1])[rows.y]
    found: dict[str, list[NDArray[np.float64]]] = {}
    batches, right = [], 0
    for _ in range(trials):
        chosen = rng.choice(len(x), batch, replace=False)
        batches.append(chosen)
        gradient = _step(prepared, parameters, x[chosen], y[chosen], rng)
        right += batch == 1 and label_of_one(spec, gradient) == int(rows.y[chosen[0]])
        known = y[chosen]
        found.setdefault("quotients of the first layer", []).append(quotients(spec, gradient))
        for by, name in (("distance", "matched gradients (DLG)"),
                         ("angle", "matched angles (inverting gradients)")):  # fmt: skip
            rebuilt = matched(
                spec, parameters, gradient, known, by=by, steps=_STEPS, rng=rng  # type: ignore[arg-type]
            )  # fmt: skip
            found.setdefault(name, []).append(rebuilt)
    terms = privacy_terms(study)
    return Inversion(
        study=study.study.id, site=site, batch=batch,
        attacks=tuple(judged(name, each, batches, x) for name, each in found.items()),
        labels=right / trials if batch == 1 else None,
        noise=None if terms is None else terms.noise / MICRO,
    )  # fmt: skip


def _step(
    prepared: Prepared, parameters: NDArray[np.float64], x: NDArray[np.float64],
    y: NDArray[np.float64], rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the mean gradient of a batch, as a step of the study makes it: float64 [d]."""
    wanted, terms = prepared.study.privacy.differential_privacy, privacy_terms(prepared.study)
    each = gradients(prepared.parts.spec, parameters, x[:, None], y[:, None])
    if wanted is None or terms is None:
        plain: NDArray[np.float64] = each.mean(axis=0)
        return plain
    lengths = np.linalg.norm(each, axis=1, keepdims=True)
    clipped = each * np.minimum(1.0, wanted.clip / np.maximum(lengths, 1e-300))
    noise = terms.noise / MICRO * wanted.clip * rng.standard_normal(each.shape[1])
    noised: NDArray[np.float64] = (clipped.sum(axis=0) + noise) / len(x)
    return noised
