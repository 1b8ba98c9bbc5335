"""An audit of differential privacy: planted patients, and how well they can be told from none.

Units that are as visible as the clip allows are put in or left out by a coin, the mechanism is run,
and where it seems clear enough a guess is made whether one was there. A claim of (epsilon, delta)
bounds how often such guesses are right: let a be the chance to guess "in" of one that was, b of one
that was not, c and d the chances to guess "out" of one that was not and of one that was; then
a <= exp(epsilon) b + delta and c <= exp(epsilon) d + delta, so that of the guesses a share of
(a + c) / (a + b + c + d) is right and exp(epsilon) is at least (a + c - 2 delta) / (b + d). Counts
that could not be under the claim refute it (M. Jagielski, J. Ullman and A. Oprea, "Auditing
Differentially Private Machine Learning", NeurIPS 2020; guesses of both kinds, with abstaining, as
T. Steinke, M. Nasr and M. Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023,
make them). Each canary has an input of its own, so that a run tries hundreds of them at once, with
coins, samples and noise that are independent: the share has an exact interval.

What such an audit proves is a lower bound. It can refute a claim, never confirm it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from operator import itemgetter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.conversion import micro_epsilon, times
from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import affordable_rounds
from collegium.errors import StudyError
from collegium.learning.models import ModelSpec, size
from collegium.learning.noise import SecretStream
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Study, Training
from collegium.study.privacy import privacy_terms
from collegium.threats.proportions import at_least

ERROR = 0.001
"""The chance that a lower bound is too high: 99.9 % confidence, one-sided."""

_REST = 1e-6
"""The part of `ERROR` that is for how often a test guesses at all."""

_ERRORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4)
"""Chances of a wrong guess on either side, of which the best is chosen on trials of its own."""

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
        trials: canaries over which the bound was measured, about half of them in.
        guesses: of how many a guess was made.
        right: how many of the guesses were right.
    """

    claimed: float
    delta: float
    measured: float
    trials: int
    guesses: int
    right: int

    @property
    def refuted(self) -> bool:
        """Whether the mechanism does not have the epsilon that is claimed."""
        return self.measured > self.claimed


def audit_by_canaries(
    trainer: PrivateTrainer,
    noising: NoiseTerms,
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
    test = _best_test(scores[:half], there[:half], delta)
    guesses, right = _tried(test, scores[half:], there[half:])
    trials = len(scores) - half
    return CanaryAudit(
        claimed=claimed,
        delta=delta,
        measured=_lower_bound(right, guesses, trials, delta),
        trials=trials,
        guesses=guesses,
        right=right,
    )


def _run(
    trainer: PrivateTrainer, noising: NoiseTerms, present: NDArray[np.bool_], rows: int, seed: bytes
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


@dataclass(frozen=True, slots=True)
class _Test:
    """Guesses "in" from a score on, "out" up to another; of scores with the other sign, if so."""

    sign: float
    lowest_in: float
    highest_out: float


def _tried(test: _Test, scores: NDArray[np.float64], there: NDArray[np.bool_]) -> tuple[int, int]:
    """Return of how many canaries a guess is made, and how many are right."""
    signed = test.sign * scores
    inside = signed >= test.lowest_in
    outside = ~inside & (signed <= test.highest_out)
    guesses = int(inside.sum() + outside.sum())
    return guesses, int((inside & there).sum() + (outside & ~there).sum())


def _lower_bound(right: int, guesses: int, trials: int, delta: float) -> float:
    """Return the lower bound on epsilon of a test's counts.

    Nearly all of the error is for the share that is right; the rest for how often it guesses,
    beside which 2 delta has to be small.
    """
    if guesses == 0:
        return 0.0
    share = at_least(right, guesses, ERROR - _REST)
    missed = delta / max(at_least(guesses, trials, _REST), 1e-300)
    return max(0.0, log(max(share - missed, 1e-300) / (1.0 - share)))


def _best_test(scores: NDArray[np.float64], there: NDArray[np.bool_], delta: float) -> _Test:
    """Return the test that should bound epsilon the best, with as many errors on both sides.

    Which one that is follows from scores that are nearly normal; the counts of the best of many
    tests would flatter it. Where they say something else altogether, they are right.
    """
    sign = 1.0 if scores[there].mean() >= scores[~there].mean() else -1.0
    there_, others = sign * scores[there], sign * scores[~there]
    gap = float((there_.mean() - others.mean()) / max(others.std(), 1e-300))
    expected, counted = [], []
    for errors in _ERRORS:
        low_in = float(np.quantile(others, 1.0 - errors))
        test = _Test(sign, low_in, min(float(np.quantile(there_, errors)), low_in))
        found = NormalDist().cdf(NormalDist().inv_cdf(errors) + gap)
        guesses = int(len(scores) * min(1.0, found + errors))
        right = int(guesses * found / (found + errors))
        expected.append((_lower_bound(right, guesses, len(scores), delta), test))
        guesses, right = _tried(test, scores, there)
        counted.append((_lower_bound(right, guesses, len(scores), delta), test))
    best, most = max(expected, key=itemgetter(0)), max(counted, key=itemgetter(0))
    return most[1] if most[0] > best[0] + 1.0 else best[1]


def most_provable(trials: int) -> float:
    """Return the largest epsilon that a measurement over so many trials could prove."""
    return _lower_bound(trials, trials, trials, 0.0)


@dataclass(frozen=True, slots=True)
class StudyAudit:
    """What was audited, and what came of it: the updates of all rounds of one site together."""

    study: str
    unit: str
    rounds: int
    sampling_rate: float
    noise_multiplier: float
    accountant: str
    audit: CanaryAudit
    most_provable: float


def audit_study(
    study: Study, trainer: Trainer, *, trials: int, rows_of_unit: int = 1
) -> StudyAudit:
    """Plant patients in what a study does and bound its epsilon from below.

    Args:
        study: whose mechanism it is; its rows are not needed.
        trainer: its trainer.
        trials: planted units, half of which measure.
        rows_of_unit: rows of each of them.

    Raises:
        StudyError: the study has no differential privacy to be audited.
    """
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None or not isinstance(trainer, PrivateTrainer):
        raise StudyError(
            "bench.not-private", f"{study.study.id} has no differential privacy to be audited",
            "it promises nothing that planted patients could refute",
            "set privacy.differential_privacy, see docs/privacy.md",
        )  # fmt: skip
    if rows_of_unit > 1 and terms.unit == "record":
        raise StudyError(
            "bench.not-private", "a record has one row", "the study's unit is a row, not a patient",
            "leave --rows out",
        )  # fmt: skip
    rounds = affordable_rounds(terms, study.training.rounds)
    noising = NoiseTerms(
        wanted.clip, terms.noise / MICRO, terms.sampling / NANO, rounds * terms.steps
    )
    claimed = micro_epsilon(times(terms.charge, rounds), terms.conversion) / MICRO
    audit = audit_by_canaries(
        trainer, noising, claimed, terms.delta / 10**15, trials=trials, rows_of_unit=rows_of_unit
    )
    return StudyAudit(
        study=study.study.id, unit=terms.unit, rounds=rounds, sampling_rate=noising.sampling_rate,
        noise_multiplier=noising.noise_multiplier, accountant=terms.accountant, audit=audit,
        most_provable=most_provable(audit.trials),
    )  # fmt: skip
