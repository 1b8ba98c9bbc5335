"""How much of a site's rows can be rebuilt from one update of a study, as it protects them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO
from collegium.data.table import Schema
from collegium.errors import StudyError
from collegium.learning.models import ModelSpec, initial_parameters
from collegium.learning.networks.convolution import Convolutional
from collegium.study.privacy import privacy_terms
from collegium.threats import pictures
from collegium.threats.inversion import (
    Matching,
    Reconstruction,
    gradients,
    judged,
    label_of_one,
    matched,
    quotients,
)
from collegium.threats.victim import Victim

Float64 = NDArray[np.float64]

_STEPS = 300
_PICTURE_STEPS = 1000
_ATTACKS: tuple[tuple[Matching, str], ...] = (
    ("distance", "matched gradients (DLG)"), ("angle", "matched angles (inverting gradients)"),
)  # fmt: skip
_QUOTIENTS = "quotients of the first layer"


@dataclass(frozen=True, slots=True)
class Inversion:
    """What was rebuilt from updates over batches of some rows of one site.

    `epochs` are the local steps of an update, each over the whole batch. `together` is how many
    sites' updates the attacker sees as one sum: those of a round under secure aggregation, without
    the sites that collude with it; 1 where it sees a single one. `chance` is the share of rows that
    guessing would identify. `labels` is the share of single rows' labels that were told right, None
    for larger batches and sums. `noise` says whether the steps were those of the study's DP-SGD,
    and with which multiplier.
    """

    study: str
    site: str
    batch: int
    epochs: int
    together: int
    chance: float
    attacks: tuple[Reconstruction, ...]
    labels: float | None
    noise: float | None


def invert(
    victim: Victim, *, batch: int, trials: int, epochs: int = 1, colluders: int = 0
) -> Inversion:
    """Rebuild rows of the largest site from its update over each of some batches of them.

    The attacker sees what the study lets it see, knows the model and, for batches of several rows,
    the labels. Under secure aggregation that is a sum with the other sites' updates, each over a
    batch of its own, less those of sites that collude.

    Args:
        victim: the study.
        batch: rows in a step.
        trials: updates to attack.
        epochs: local steps of an update.
        colluders: other sites that tell the attacker their updates.

    Raises:
        StudyError: its model has no classes or cannot be attacked, the site has fewer rows than a
            batch, or there are not so many other sites.
    """
    spec, study = victim.spec, victim.study
    _check(victim, batch, colluders)
    by_size = sorted(victim.train, key=lambda name: -len(victim.train[name].y))
    secret = study.privacy.secure_aggregation is not None
    seen = by_size[: len(by_size) - colluders] if secret else by_size[:1]
    rows = [victim.train[name] for name in seen]
    x = np.concatenate([one.x for one in rows]).astype(np.float64)
    labels = np.concatenate([one.y for one in rows])
    starts = np.cumsum([0, *(len(one.y) for one in rows)])
    rng = np.random.default_rng(study.study.seed)
    parameters = initial_parameters(spec, study.study.seed).astype(np.float64)
    if spec.network is None and len(spec.widths) == 2:  # at zero a class's rows have one error
        parameters += 0.1 * rng.standard_normal(parameters.shape)
    found: dict[str, list[Float64]] = {}
    batches, right = [], 0
    for _ in range(trials):
        chosen = [
            first + rng.choice(last - first, min(batch, last - first), replace=False)
            for first, last in pairwise(starts)
        ]
        update = np.mean(
            [_update(victim, parameters, x[one], labels[one], epochs, rng) for one in chosen],
            axis=0,
        )
        batches.append(chosen[0])
        known = labels[np.concatenate(chosen)]
        if batch == len(seen) == 1:
            right += _label(spec, update) == int(known[0])
        if spec.network is None:
            found.setdefault(_QUOTIENTS, []).append(quotients(spec, update))
        for by, name in _ATTACKS:
            one = _searched(spec, parameters, update, known, by, victim, epochs, rng)
            found.setdefault(name, []).append(one)
    terms, look = privacy_terms(study), _look(spec, victim.schema)
    return Inversion(
        study=study.study.id, site=seen[0], batch=batch, epochs=epochs, together=len(seen),
        chance=1.0 / len(x),
        attacks=tuple(judged(name, each, batches, x, look) for name, each in found.items()),
        labels=right / trials if batch == len(seen) == 1 else None,
        noise=terms.noise / MICRO if terms is not None and terms.protects.in_training else None,
    )  # fmt: skip


def _check(victim: Victim, batch: int, colluders: int) -> None:
    spec, study = victim.spec, victim.study
    if spec.loss not in ("logistic", "multinomial"):
        raise StudyError(
            "bench.no-classes", f"{study.study.id} predicts no classes",
            "the attacks go by the gradients of a model of classes",
            "choose a study with a binary or multiclass target",
        )  # fmt: skip
    if not (spec.network is None or isinstance(spec.network, Convolutional)):
        raise StudyError(
            "bench.no-classes", f"{study.study.id} has a model that these attacks do not know",
            "they rebuild rows from layers, and pictures from convolutional networks",
            "choose a dense model or a cnn",
        )  # fmt: skip
    most = max(len(rows.y) for rows in victim.train.values())
    if batch > most:
        raise StudyError(
            "bench.batch", f"the largest site has {most} rows, and a batch {batch}",
            "a batch is drawn without putting back", "choose a smaller --batch",
        )  # fmt: skip
    if colluders and study.privacy.secure_aggregation is None:
        raise StudyError(
            "bench.batch", "colluders change nothing here",
            "without secure aggregation a single update is seen anyway", "leave --colluders out",
        )  # fmt: skip
    if colluders >= len(victim.train):
        raise StudyError(
            "bench.batch", f"{colluders} colluders leave no site to attack",
            f"the study has {len(victim.train)} sites",
            f"choose at most {len(victim.train) - 1}",
        )  # fmt: skip


def _update(
    victim: Victim, parameters: Float64, x: Float64, labels: NDArray[Any], epochs: int,
    rng: np.random.Generator,
) -> Float64:  # fmt: skip
    """Return what a site's steps take away, over rate and steps, as the study makes them: [d]."""
    spec, rate = victim.spec, victim.study.training.learning_rate
    wanted, terms = victim.study.privacy.differential_privacy, privacy_terms(victim.study)
    taken, now = np.zeros_like(parameters), parameters
    for _ in range(epochs):
        each = _slopes(spec, now, x, labels)
        if wanted is None or terms is None or not wanted.protects.in_training:
            step = each.mean(axis=0)
        else:
            lengths = np.linalg.norm(each, axis=1, keepdims=True)
            clipped = each * np.minimum(1.0, wanted.clip / np.maximum(lengths, 1e-300))
            noise = terms.noise / MICRO * wanted.clip * rng.standard_normal(each.shape[1])
            step = (clipped.sum(axis=0) + noise) / len(x)
        taken, now = taken + step, now - rate * step
    return taken / epochs


def _slopes(spec: ModelSpec, parameters: Float64, x: Float64, labels: NDArray[Any]) -> Float64:
    """Return every row's gradient: float64 [B, d]."""
    if spec.network is None:
        return gradients(spec, parameters, x[:, None], _targets(spec, labels)[:, None])
    found = pictures.slopes_of_rows(
        spec, parameters.astype(np.float32), x.astype(np.float32), labels
    )
    return found.astype(np.float64)


def _targets(spec: ModelSpec, labels: NDArray[Any]) -> Float64:
    """Return what a dense model's outputs are compared with: float64 [B, outputs]."""
    if spec.loss == "multinomial":
        indicators: Float64 = np.eye(spec.widths[-1])[labels]
        return indicators
    return labels[:, None].astype(np.float64)


def _label(spec: ModelSpec, update: Float64) -> int:
    told = label_of_one if spec.network is None else pictures.label_of_one
    return told(spec, update)


def _searched(
    spec: ModelSpec, parameters: Float64, update: Float64, labels: NDArray[Any], by: Matching,
    victim: Victim, epochs: int, rng: np.random.Generator,
) -> Float64:  # fmt: skip
    if spec.network is None:
        targets = _targets(spec, labels)
        return matched(spec, parameters, update, targets, by=by, steps=_STEPS, rng=rng)
    return pictures.rebuilt(
        spec, parameters.astype(np.float32), update.astype(np.float32), labels, by=by,
        rate=victim.study.training.learning_rate, epochs=epochs, steps=_PICTURE_STEPS,
        within=_reach(victim.schema), rng=rng,
    )  # fmt: skip


def _reach(schema: Schema) -> tuple[float, float]:
    """Return between which standardized values an attacker knows inputs to be: of 0 and 1."""
    if not all(one.name.startswith("pixel_") for one in schema.features):
        return -10.0, 10.0
    values = [(end - one.center) / one.scale for one in schema.features for end in (0.0, 1.0)]
    return min(values), max(values)


def _look(spec: ModelSpec, schema: Schema) -> Callable[[Float64], Float64] | None:
    """Return what makes a picture of inputs, of values from 0 to 1; None where they are none."""
    features = schema.features
    if not all(one.name.startswith("pixel_") for one in features):
        return None
    side = round(len(features) ** 0.5)
    shape = (1, side, side)
    if isinstance(spec.network, Convolutional):
        shape = spec.network.shape  # type: ignore[assignment]
    center = np.array([one.center for one in features])
    scale = np.array([one.scale for one in features])

    def look(inputs: Float64) -> Float64:
        picture: Float64 = np.clip(inputs * scale + center, 0.0, 1.0).reshape(shape)
        return picture

    return look
