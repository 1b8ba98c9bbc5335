"""Models made so that a sum of updates gives rows away, as a first model or by steering.

The first layer's units all look in one direction, and their thresholds are graded by the quantiles
of a normal distribution, which standardized inputs come near to: no data are used. A unit's slope
adds up the rows above its threshold. So neighbours differ by the rows between their thresholds,
whoever's they are, and where that is a single one, the quotient of a difference in weights and in
bias is the row itself (L. Fowl, J. Geiping, W. Czaja, M. Goldblum and T. Goldstein, "Robbing the
Fed", ICLR 2022; F. Boenisch et al., "When the Curious Abandon Honesty", EuroS&P 2023, with trap
weights). A sum hides nothing of it: it only brings more rows.

Nobody can register such a model unseen. But members that send updates move the model, and every
round tells them where it is. A coalition first lets every unit fall silent, so that nobody else's
updates disturb it, then grades the silent units, and wakes them in one round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.errors import StudyError
from collegium.federation.local_trainers import LocalTrainers
from collegium.learning.encoding import encode_step, registered_weight
from collegium.learning.models import ModelSpec, initial_parameters, layers, size
from collegium.learning.trainer import Trainer
from collegium.study.first_layer import rows_alone
from collegium.threats.victim import Victim

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

REBUILT = 0.01
"""The squared error, a coordinate of the standardized inputs, up to which a row is rebuilt."""

MOST_ROUNDS = 60
_CLOSE = 2e-3
_SILENT = 8.0
"""Standard deviations above which hardly a row lies: units of that threshold are silent."""


@dataclass(frozen=True, slots=True)
class Grading:
    """How a model is graded.

    `signal` is the size of weights out of the units, `scale` of those into them; `alternating` says
    whether neighbours push outputs to opposite sides, so that these stay near zero.
    """

    signal: float
    scale: float
    alternating: bool


GRADINGS = (Grading(4.0, 1e-3, True), Grading(4.0, 1e-3, False), Grading(32.0, 100.0, False))
"""Those that are tried: for one step over all rows, and for several over batches."""

STEERED = (Grading(4.0, 0.05, True), Grading(1.0, 0.05, False))
"""What a coalition can steer to: above the encoding's resolution, within its range in one round."""


class Crafted(msgspec.Struct, frozen=True):
    """What one sum of updates gave away to whoever chose the model.

    `rows` are those whose updates are in the sum, `rebuilt` of them within `REBUILT`. `alone` is
    how many a graded layer would single out of as many rows at best: R exp(-R / U). `rounds` is
    how many a coalition of `colluders` took to steer there, None for a first model.
    """

    study: str
    units: int
    rows: int
    rebuilt: int
    alone: float
    colluders: int = 0
    rounds: int | None = None


def crafted(spec: ModelSpec, grading: Grading, seed: int) -> Float32:
    """Return a graded model's parameters, float32 [d]; `seed` draws where its units look."""
    flat = np.zeros(size(spec), np.float32)
    first, *others = layers(spec, flat)
    direction = np.random.default_rng(seed).standard_normal(spec.widths[0])
    direction /= np.linalg.norm(direction)
    first[1:] = grading.scale * direction[:, None]
    first[0] = -grading.scale * _thresholds(spec.widths[1])
    others[0][1:, 0] = grading.signal * _signs(spec.widths[1], grading)
    for below, above in pairwise(others):
        below[0, 0], above[1, 0] = 1.0, 1.0
    return flat


def _thresholds(units: int) -> Float64:
    normal = NormalDist()
    return np.array([normal.inv_cdf((place + 0.5) / units) for place in range(units)])


def _signs(units: int, grading: Grading) -> Float64:
    signs = np.ones(units)
    if grading.alternating:
        signs[1::2] = -1.0
    return signs


def read_off(spec: ModelSpec, total: Int64, grading: Grading) -> Float64:
    """Return the rows that a sum of updates shows, with mixtures among them: [K, inputs]."""
    slopes = layers(spec, total.astype(np.float64))[0] * _signs(spec.widths[1], grading)
    between = slopes - np.concatenate([slopes[:, 1:], np.zeros((len(slopes), 1))], axis=1)
    said = np.abs(between[0]) >= 1.0
    return np.asarray((between[1:, said] / between[0, said]).T)


def craft(victim: Victim, trainer: Trainer) -> Crafted:
    """Return what one sum over all sites gives away where somebody chose the first model.

    The sites train and encode as in the study's first round.

    Raises:
        StudyError: the model has no hidden layer, or updates have noise.
    """
    _check(victim)
    study, spec, sites = victim.study, victim.spec, list(victim.train)
    work = LocalTrainers(study, spec, trainer, victim.train)
    most = 0
    for grading in GRADINGS:
        start = crafted(spec, grading, study.study.seed)
        told = read_off(spec, _sum(work, sites, start, 1), grading)
        most = max(most, _rebuilt(told, victim.train, sites))
    return _found(victim, sites, most)


def steer(victim: Victim, trainer: Trainer, colluders: int) -> Crafted:
    """Return what a sum gives away after a coalition has steered the model by its updates.

    Its members are the last sites. They add to the others' sum, under masks as without, whatever
    the encoding holds; the model is the weighted mean. What they learn are rows of the others.

    Raises:
        StudyError: as `craft` does; or the coalition is of nobody or everybody, or does not get
            there within `MOST_ROUNDS`.
    """
    _check(victim)
    sites = list(victim.train)
    if not 1 <= colluders < len(sites):
        raise StudyError(
            "bench.batch", f"{colluders} colluders of {len(sites)} sites",
            "somebody steers, and somebody is attacked", f"choose 1 to {len(sites) - 1}",
        )  # fmt: skip
    found = [way for grading in STEERED if (way := _steered(victim, trainer, colluders, grading))]
    if not found:
        raise StudyError(
            "bench.steering", f"{colluders} of {len(sites)} sites did not get there",
            f"within {MOST_ROUNDS} rounds others' updates moved the model away again",
            "try more colluders",
        )  # fmt: skip
    return max(found, key=lambda one: one.rebuilt)


def _steered(victim: Victim, trainer: Trainer, colluders: int, grading: Grading) -> Crafted | None:
    """Return what comes of steering to one grading, or None where it takes too many rounds."""
    study, spec, sites = victim.study, victim.spec, list(victim.train)
    honest, exponent = sites[: len(sites) - colluders], study.aggregation.exponent
    weights = {name: registered_weight(len(rows.y)) for name, rows in victim.train.items()}
    everybody = sum(weights.values())
    ours = everybody - sum(weights[name] for name in honest)
    work = LocalTrainers(study, spec, trainer, victim.train)
    awake = crafted(spec, grading, study.study.seed)
    silent = awake.copy()
    layers(spec, silent)[0][0] = -_SILENT * grading.scale
    model, goal = initial_parameters(spec, study.study.seed), silent
    for number in range(1, MOST_ROUNDS + 1):
        wanted = (goal.astype(np.float64) - model) * everybody / ours
        moved = _sum(work, honest, model, number)
        moved += ours * encode_step(wanted, exponent).astype(np.int64)
        model = (model + np.ldexp(moved / everybody, -exponent)).astype(np.float32)
        if goal is awake:
            told = read_off(spec, _sum(work, honest, model, number + 1), grading)
            most = _rebuilt(told, victim.train, honest)
            return msgspec.structs.replace(
                _found(victim, honest, most), colluders=colluders, rounds=number
            )
        if all(_near(*pair) for pair in zip(layers(spec, goal), layers(spec, model), strict=True)):
            goal = awake
    return None


def _near(wanted: Float32, there: Float32) -> bool:
    """Return whether a layer is where it shall be; biases of an output move with every round."""
    away = np.abs(wanted - there)
    return bool(away[1 if wanted.shape[1] == 1 else 0 :].max() < _CLOSE)


def _sum(work: LocalTrainers, sites: list[str], start: Float32, number: int) -> Int64:
    """Return the weighted sum of the sites' encoded updates from a model, int64 [d]."""
    name, total = sha256(start.tobytes()).digest(), np.zeros(start.size, np.int64)
    for site in sites:
        step = work.trained(site, number, sites, name, start)[0].astype(np.float64) - start
        encoded = encode_step(step, work.study.aggregation.exponent)
        total += registered_weight(work.rows_of(site)) * encoded.astype(np.int64)
    return total


def _rebuilt(told: Float64, train: Mapping[str, SiteRows], sites: list[str]) -> int:
    rows = np.concatenate([train[name].x for name in sites]).astype(np.float64)
    if not len(told):
        return 0
    return sum(bool(np.square(told - row).mean(axis=1).min() <= REBUILT) for row in rows)


def _found(victim: Victim, sites: list[str], rebuilt: int) -> Crafted:
    units, rows = victim.spec.widths[1], sum(len(victim.train[name].y) for name in sites)
    return Crafted(victim.study.study.id, units, rows, rebuilt, rows_alone(rows, units))


def _check(victim: Victim) -> None:
    study = victim.study
    if victim.spec.network is not None or len(victim.spec.widths) < 3:
        raise StudyError(
            "bench.no-classes", f"{study.study.id} has a model that this attack does not know",
            "it grades the units of a first dense layer", "choose architecture = 'mlp'",
        )  # fmt: skip
    private = study.privacy.differential_privacy
    if private is not None:
        raise StudyError(
            "bench.noised", f"updates of {study.study.id} have noise",
            "this attack reads sums exactly; `bench inversion` measures what noise leaves",
            "remove privacy.differential_privacy, or use `bench inversion`",
        )  # fmt: skip
