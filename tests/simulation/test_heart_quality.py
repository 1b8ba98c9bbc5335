"""What the study `heart` must reach, in FLamby's protocol (split 66/34, seed 43)."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.report.measurements import Quality
from collegium.simulation.execution import run


def accuracy(quality: Quality | None) -> float:
    assert quality is not None
    value = quality.overall["accuracy"]
    assert value is not None
    return value


def test_reaches_the_published_accuracy_at_its_seed(tmp_path: Path) -> None:
    measured = run("heart", out=tmp_path / "run", changes=["evaluation.bootstrap=0"]).measured
    assert accuracy(measured.pooled) == pytest.approx(0.795, abs=0.01)
    assert accuracy(measured.federated) >= 0.785


@pytest.mark.long
def test_loses_nothing_against_pooled_training_over_twenty_splits(tmp_path: Path) -> None:
    differences = []
    for seed in range(20):
        changes = [f"study.seed={seed}", "evaluation.bootstrap=0"]
        measured = run("heart", out=tmp_path / str(seed), changes=changes).measured
        differences.append(accuracy(measured.federated) - accuracy(measured.pooled))
    assert sum(differences) / len(differences) >= -0.01
