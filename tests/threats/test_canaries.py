"""Planted patients refute a mechanism that is broken, and never one that is not.

The claim is epsilon 2 at delta 1e-5 for 300 steps at rate 0.1, whose noise multiplier is published
as 3.89. Each mutant breaks DP-SGD in one way.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.commands import Done, collegium, told

from collegium.accounting.calibration import least_noise
from collegium.accounting.conversion import charge_of, conversion, micro_epsilon
from collegium.accounting.gaussian import gaussian_rdp
from collegium.learning._internal import private_descent, private_training
from collegium.learning._internal.descent import Descent
from collegium.learning.dense import DENSE
from collegium.learning.noise import SecretStream
from collegium.learning.private import NoiseTerms, PrivateTrainer
from collegium.threats.canaries import (
    CanaryAudit,
    _lower_bound,
    audit_by_canaries,
    most_provable,
)

Array = NDArray[Any]
CLAIM, DELTA = 2.0, 1e-5
STEPS = NoiseTerms(clip=1.0, noise_multiplier=3.89, sampling_rate=0.1, steps=300)


def worst_case() -> NoiseTerms:
    """One step that takes everybody, with the least noise that epsilon 2 allows."""

    def spent(z: Decimal) -> int:
        return micro_epsilon(charge_of(gaussian_rdp(z, Decimal(1))), conversion(Decimal("1e-5")))

    found = least_noise(spent, 2_000_000)
    assert found is not None
    return NoiseTerms(clip=1.0, noise_multiplier=float(found), sampling_rate=1.0, steps=1)


def audited(
    how: NoiseTerms, trials: int = 20_000, rows: int = 1, seed: bytes = b"canaries"
) -> CanaryAudit:
    """Audit a mechanism; half of the trials measure."""
    assert isinstance(DENSE, PrivateTrainer)
    return audit_by_canaries(
        DENSE, how, CLAIM, DELTA, trials=trials, rows_of_unit=rows, seed=seed * 4
    )


def test_the_honest_mechanism_is_not_refuted() -> None:
    found = audited(STEPS)
    assert found.trials == 10_000
    assert not found.refuted
    assert found.measured > 0.5


def test_in_the_worst_case_ten_thousand_trials_reach_a_third_of_the_claim() -> None:
    """Nine times in ten; a bound that holds with 99.9 % confidence is low by chance at times."""
    found = [audited(worst_case(), seed=b"audit %02d" % k) for k in range(10)]
    assert {one.trials for one in found} == {10_000}
    measured = [one.measured for one in found]
    assert max(measured) <= CLAIM
    assert sum(one > CLAIM / 3 for one in measured) >= 8
    assert float(np.median(measured)) > 0.72


def test_ten_thousand_trials_can_prove_no_more_than_is_published() -> None:
    assert most_provable(10_000) == pytest.approx(7.28, abs=0.005)


@pytest.mark.parametrize(("right", "guesses"), [(319, 414), (60, 80), (900, 1200)])
def test_a_bound_is_wrong_once_in_a_thousand(right: int, guesses: int) -> None:
    """A mechanism that has exactly the bound's epsilon gives so many right as often as that."""
    epsilon = _lower_bound(right, guesses, 10_000, 0.0)
    share = exp(epsilon) / (1.0 + exp(epsilon))
    rng = np.random.default_rng(5)
    drawn = rng.binomial(guesses, share, 400_000)
    assert (drawn >= right).mean() == pytest.approx(0.001, abs=0.0003)


def test_what_delta_explains_is_not_counted_as_epsilon() -> None:
    assert _lower_bound(50, 50, 10_000, 0.0) > 1.5
    assert _lower_bound(50, 50, 10_000, 0.004) == 0.0


def test_a_quarter_of_the_noise_is_refuted() -> None:
    found = audited(replace(STEPS, noise_multiplier=3.89 / 4))
    assert found.refuted
    assert found.measured <= most_provable(found.trials)


def test_missing_clipping_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def ones(descent: Descent, apart: Array, rows: int, clip: float) -> np.float32:
        return np.float32(1.0)

    monkeypatch.setattr(private_descent, "_factors", ones)
    assert audited(STEPS).refuted


def test_sampling_that_takes_everybody_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = private_descent.samples
    monkeypatch.setattr(
        private_training, "samples",
        lambda stream, units, rate, steps: real(stream, units, 1.0, steps),
    )  # fmt: skip
    assert audited(STEPS).refuted


def test_clipping_row_by_row_is_refuted_where_the_unit_is_a_patient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten rows of a patient, clipped one by one, weigh ten times what they may."""
    assert not audited(STEPS, rows=10, trials=2000).refuted
    real = private_training._rows_by_unit

    def each_alone(units: Array) -> Array:
        found: Array = real(np.arange(len(units)))
        return found

    monkeypatch.setattr(private_training, "_rows_by_unit", each_alone)
    assert audited(STEPS, rows=10, trials=4000).refuted


def test_noise_in_the_first_step_alone_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Once:
        def __init__(self, seed: bytes) -> None:
            self.real, self.spent = SecretStream(seed), False

        def chances(self, count: int, rate: float) -> Array:
            return self.real.chances(count, rate)

        def normals(self, count: int) -> Array:
            factor, self.spent = 0.0 if self.spent else 1.0, True
            return factor * self.real.normals(count)

    monkeypatch.setattr(private_training, "SecretStream", Once)
    assert audited(STEPS).refuted


@pytest.mark.long
def test_audits_of_many_sampled_steps_never_exceed_the_claim_and_show_a_quarter_of_it() -> None:
    """Sampling blurs who was there, so they show less than audits of the worst case."""
    found = [audited(STEPS, seed=b"audit %02d" % k).measured for k in range(7)]
    assert max(found) <= CLAIM
    assert float(np.median(found)) > CLAIM / 4


def canaries(cwd: Path, *arguments: str) -> Done:
    private = "privacy.differential_privacy={unit='patient', epsilon=2.0, delta=1e-5}"
    return collegium(
        "bench", "canaries", "heart", "--set", private, "--set", "training.rounds=2",
        "--trials", "4000", *arguments, cwd=cwd,
    )  # fmt: skip


def test_a_study_is_audited_from_the_command_line(tmp_path: Path) -> None:
    found = told(canaries(tmp_path, "--json"))
    assert not found["refuted"]
    assert 0 <= found["measured"] <= found["claimed"] <= 2.0
    assert (found["unit"], found["delta"], found["rounds"]) == ("patient", 1e-5, 2)
    text = canaries(tmp_path, "--rows", "3").stdout
    assert "unit patient, sampling rate 0.1" in text
    assert "not refuted" in text


def test_a_study_without_differential_privacy_has_nothing_to_audit(tmp_path: Path) -> None:
    done = collegium("bench", "canaries", "heart", cwd=tmp_path)
    assert done.returncode == 2
    assert "bench.not-private" in done.stderr
