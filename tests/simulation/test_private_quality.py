"""What privacy costs: heart at an epsilon of 8 for patients loses at most two points."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.assembly.preparation import prepare
from collegium.learning.models import predict
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study


def accuracy(*changes: str) -> float:
    prepared = prepare(read_study("heart", changes))
    model, right, rows = run_without_ledger(prepared).model, 0, 0
    for one in prepared.test.values():
        scores = predict(prepared.parts.spec, model.parameters, one.x)[:, 0]
        right += int(((scores >= 0.5) == one.y).sum())
        rows += len(one.y)
    return right / rows


@pytest.mark.long
def test_an_epsilon_of_8_for_patients_loses_at_most_two_points_over_ten_splits() -> None:
    private = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"
    lost = [
        accuracy(f"study.seed={seed}")
        - accuracy(f"study.seed={seed}", private, "training.rounds=30")
        for seed in range(10)
    ]
    assert np.mean(lost) <= 0.02
