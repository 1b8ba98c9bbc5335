"""Whether training came to rest, told from the losses of its rounds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.commands import collegium, told

from collegium.measuring.convergence import convergence_of

FIRST = 0.7


def curve(rate: float, rounds: int = 100) -> dict[int, float]:
    """Losses that fall from `FIRST` to .4, by a share of the rest in each round."""
    return {n: 0.4 + (FIRST - 0.4) * (1 - rate) ** n for n in range(1, rounds + 1)}


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (curve(0.1), "converged"),
        (curve(0.01), "still_falling"),
        (curve(0.1) | {100: math.nan}, "diverged"),
        (curve(0.1) | {100: math.inf}, "diverged"),
        ({n: 0.7 + n for n in range(1, 101)}, "diverged"),
        (curve(0.1, 60) | {n: 0.4 + 0.003 * (n - 60) for n in range(61, 101)}, "unstable"),
        ({n: value + 0.002 * (-1) ** n for n, value in curve(0.1).items()}, "converged"),
        ({1: 0.6, 2: 0.5}, "still_falling"),
    ],
)
def test_a_curve_has_a_verdict(losses: dict[int, float], verdict: str) -> None:
    found = convergence_of(FIRST, losses)
    assert found is not None
    assert found.verdict == verdict


def test_a_single_round_tells_nothing() -> None:
    assert convergence_of(FIRST, {1: 0.6}) is None


def test_what_is_still_gained_is_that_of_the_last_tenth() -> None:
    losses = {n: 0.7 - 0.001 * n for n in range(1, 101)}
    found = convergence_of(0.7, losses)
    assert found is not None
    assert found.gained == pytest.approx(0.01 / 0.0955)  # means of ten rounds: 95.5 and 85.5


def test_a_rate_that_is_far_too_high_is_told_wherever_somebody_looks(tmp_path: Path) -> None:
    wild = ("--set", "training.learning_rate=500", "--set", "training.rounds=20")
    quick = ("--set", "evaluation.bootstrap=0")
    done = collegium("run", "heart", "--out", "wild", *wild, *quick, cwd=tmp_path)
    assert done.returncode == 1
    assert "Training diverged" in done.stdout
    assert "training.learning_rate" in (tmp_path / "wild" / "report.html").read_text()
    assert "Training diverged" in (tmp_path / "wild" / "report.html").read_text()
    as_json = collegium("run", "heart", "--out", "wild", "--resume", "--json", *wild, *quick,
                        cwd=tmp_path)  # fmt: skip
    assert told(as_json, 1)["convergence"]["verdict"] == "diverged"
    collegium("run", "heart", "--out", "tame", *quick, cwd=tmp_path)
    compared = collegium("compare", "tame", "wild", cwd=tmp_path).stdout
    assert "1 of 1 runs diverged" in compared
    kept = told(collegium("compare", "tame", "wild", "--json", cwd=tmp_path))["designs"]
    assert [one["unsettled"] for one in kept] == [{}, {"diverged": 1}]
