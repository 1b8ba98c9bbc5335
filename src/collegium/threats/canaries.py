"""An audit of differential privacy: planted patients, and how well they can be told from none.

A claim of (epsilon, delta) bounds every test of whether a unit was there: its true-positive rate
is at most exp(epsilon) times its false-positive rate, plus delta. Units that are as visible as
the clip allows are put in or left out by a coin, the mechanism is run, and a guess is made about
each; rates that could not be under the claim refute it (M. Jagielski, J. Ullman and A. Oprea,
"Auditing Differentially Private Machine Learning", NeurIPS 2020). Each canary has an input of its
own, so that a run tries hundreds of them at once, with independent noise (as T. Steinke, M. Nasr
and M. Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023, plant them).

What such an audit proves is a lower bound. It can refute a claim, never confirm it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from collegium.learning.models import ModelSpec, size
from collegium.learning.noise import SecretStream
from collegium.learning.private import Noising, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training
from collegium.threats.proportions import at_least, at_most

ERROR = 0.001
"""The chance that a lower bound is too high: 99.9 % confidence, one-sided."""

_CANARIES = 500
"""Planted in a run, each with an input of its own."""

_LOUD, _FAR, _SLOW = 100.0, 1e4, 1e-6
"""A canary's own input, beside which nothing else in its gradient matters; its target, which no
prediction comes near; and a rate of learning at which none would even without clipping."""


@dataclass(frozen=True, slots=True)
class CanaryAudit:
    """What an audit found.

    Attributes:
        claimed: the epsilon that is claimed for the whole mechanism.
        delta: at which it is claimed.
        measured: the lower bound on the true epsilon, at 99.9 % confidence; 0 where nothing shows.
        trials: canaries guessed at, in and out together, over which the bound was measured.
        true_positive_rate: of the guess, over canaries that were in.
        false_positive_rate: over those that were not.
    """

    claimed: float
    delta: float
    measured: float
    trials: int
    true_positive_rate: float
    false_positive_rate: float

    @property
    def refuted(self) -> bool:
        """Whether the mechanism does not have the epsilon that is claimed."""
        return self.measured > self.claimed


def audit_by_canaries(
    trainer: PrivateTrainer,
    noising: Noising,
    claimed: float,
    delta: float,
    *,
    trials: int = 20_000,
    rows_of_unit: int = 1,
    seed: bytes = b"canaries" * 4,
) -> CanaryAudit:
    """Run a trainer's DP-SGD over planted units and bound its epsilon from below.

    Half of the trials choose the test, the other half measure it, so that the choice costs no
    confidence.

    Args:
        trainer: whose mechanism is audited.
        noising: clip, noise, sampling and steps of the whole mechanism.
        claimed: its epsilon.
        delta: its delta.
        trials: canaries in all, at least; half of them measure.
        rows_of_unit: rows of each canary, which are one unit.
        seed: of coins, samples and noise.
    """
    coins = SecretStream(seed)
    runs = -(-trials // _CANARIES)
    present = coins.chances(runs * _CANARIES, 0.5).reshape(runs, _CANARIES)
    scores = np.concatenate(
        [
            _run(trainer, noising, chosen, rows_of_unit, coins.words(4).tobytes())
            for chosen in present
        ]
    )
    there = present.reshape(-1)
    half = len(scores) // 2
    threshold, above = _best_test(scores[:half], there[:half], delta)
    guessed, truth = scores[half:] > threshold, there[half:]
    if not above:  # then it is their absence that is recognized
        guessed, truth = ~guessed, ~truth
    hits, false = _counts(guessed, truth)
    count_in, count_out = int(truth.sum()), int((~truth).sum())
    return CanaryAudit(
        claimed=claimed,
        delta=delta,
        measured=_lower_bound(hits, count_in, false, count_out, delta),
        trials=count_in + count_out,
        true_positive_rate=hits / count_in,
        false_positive_rate=false / count_out,
    )


def _run(
    trainer: PrivateTrainer, noising: Noising, present: NDArray[np.bool_], rows: int, seed: bytes
) -> NDArray[np.float64]:
    """Return each canary's score after one run: what its input's parameter was moved by.

    The loss is squared and the targets are far away, so that every gradient is clipped and points
    the same way in all steps: what one unit adds is as large as it may be.
    """
    spec = ModelSpec((len(present), 1), "squared", 0.0)
    (chosen,) = np.nonzero(present)
    x = np.zeros((rows * len(chosen), len(present)), np.float32)
    x[np.arange(len(x)), np.repeat(chosen, rows)] = _LOUD
    y = np.full(len(x), _FAR, np.float32)
    start = np.zeros(size(spec), np.float32)
    job = PrivateJob(
        TrainingJob("canaries", x, y, start, 1), np.repeat(chosen, rows), len(present), seed
    )
    training = Training(rounds=1, learning_rate=_SLOW)
    trained = trainer.train_privately([job], spec, training, noising)[0]
    return np.asarray(trained[1:], np.float64)


def _counts(guessed: NDArray[np.bool_], there: NDArray[np.bool_]) -> tuple[int, int]:
    return int((guessed & there).sum()), int((guessed & ~there).sum())


def _lower_bound(hits: int, count_in: int, false: int, count_out: int, delta: float) -> float:
    """Return the lower bound on epsilon of a test's counts; half of the error for each rate."""
    power = at_least(hits, count_in, ERROR / 2) - delta
    level = at_most(false, count_out, ERROR / 2)
    return max(0.0, log(power / level)) if power > 0 else 0.0


def _best_test(
    scores: NDArray[np.float64], there: NDArray[np.bool_], delta: float
) -> tuple[float, bool]:
    """Return the threshold, and whether to guess "in" above it, that bound epsilon the best."""
    found = (0.0, 0.0, True)
    candidates = np.quantile(scores, np.linspace(0.001, 0.999, 81))
    for threshold in candidates.tolist():
        for above in (True, False):
            guessed, truth = (scores > threshold, there) if above else (scores <= threshold, ~there)
            hits, false = _counts(guessed, truth)
            count_in = int(truth.sum())
            bound = _lower_bound(hits, count_in, false, len(truth) - count_in, delta)
            found = max(found, (bound, threshold, above))
    return found[1], found[2]


def most_provable(trials: int) -> float:
    """Return the largest epsilon that a measurement over so many trials could prove."""
    each = trials // 2
    return log(at_least(each, each, ERROR / 2) / at_most(0, each, ERROR / 2))
