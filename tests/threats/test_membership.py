"""Membership inference: attacks find what is there, at the rates that they are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.commands import collegium, told

from collegium.threats.membership import by_likelihood, by_threshold, confidence, shadows

Array = NDArray[Any]


def world(gap: float, models: int = 40, units: int = 300) -> tuple[Array, Array]:
    """Confidences that are higher by a gap where the unit was in; units differ by themselves."""
    rng = np.random.default_rng(1)
    own = 3.0 * rng.standard_normal(units)

    def train(present: Array) -> Array:
        seen: Array = own + gap * present + rng.standard_normal(units)
        return seen

    return shadows(train, units, models, seed=4)


def test_where_nothing_leaks_nothing_is_found() -> None:
    for found in (by_threshold(*world(0.0)), by_likelihood(*world(0.0))):
        assert found.auc == pytest.approx(0.5, abs=0.02)
        assert found.true_positives[1] == pytest.approx(0.01, abs=0.008)


def test_likelihood_ratios_find_what_hides_behind_units_that_differ() -> None:
    simple, ratio = by_threshold(*world(2.0)), by_likelihood(*world(2.0))
    assert simple.auc < 0.72
    # Two normal distributions two apart: AUC Phi(sqrt 2), 37 % at 1 %.
    assert ratio.auc == pytest.approx(0.92, abs=0.015)
    assert ratio.true_positives[1] == pytest.approx(0.37, abs=0.08)
    assert ratio.true_positives[0] > 3 * simple.true_positives[0]


def test_confidence_is_finite_whatever_a_model_says() -> None:
    assert np.isfinite(confidence(np.array([0.0, 0.5, 1.0]))).all()
    assert confidence(np.array([0.5]))[0] == 0.0


def test_patients_are_attacked_from_the_command_line(tmp_path: Path) -> None:
    private = "privacy.differential_privacy={unit='patient', epsilon=1.0, delta=1e-5}"
    arguments = ["bench", "membership", "heart", "--set", "training.rounds=3", "--models", "8"]
    found = told(collegium(*arguments, "--set", private, "--json", cwd=tmp_path))
    assert found["units"] == 486
    assert [one["attack"] for one in found["attacks"]] == [
        "loss threshold", "likelihood ratio (LiRA)",
    ]  # fmt: skip
    assert found["bounds"] == pytest.approx([0.0027, 0.0272], abs=0.0002)
    plain = collegium(*arguments, "--level", "client", cwd=tmp_path).stdout
    assert "4 clients, 8 models" in plain
    assert "no bound: better attacks may find more" in plain


def test_a_study_without_classes_cannot_be_attacked_so(tmp_path: Path) -> None:
    done = collegium("bench", "membership", "heart", "--models", "2", cwd=tmp_path)
    assert done.returncode == 2
