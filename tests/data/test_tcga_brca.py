"""Survival in six regions: FLamby's rows, and the published baseline by another calculation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.split import split
from collegium.data.tcga_brca import SCHEMA, TCGA_BRCA, rows_of
from collegium.learning.evaluation.metrics import measure

Float64 = NDArray[np.float64]

HEADER = ",".join(["pid", *(f'"{feature.name}"' for feature in SCHEMA.features), "E", "T"])


def patient(pid: str, days: float, event: int) -> str:
    return ",".join([pid, "70", *("0" for _ in SCHEMA.features[1:]), str(event), str(days)])


def test_a_region_is_a_site_with_flambys_test_part() -> None:
    patients = [patient("a", 10, 1), patient("b", 20, 0), patient("c", 5, 1), patient("d", 7, 1)]
    rest = [patient(f"r{n}", 9, 0) for n in (1, 3, 4, 5)]
    table = "\n".join([HEADER, *patients, *rest])
    parts = ["a,train,train_0", "b,test,test_0", "c,train,train_2"]
    parts += [f"r{n},train,train_{n}" for n in (1, 3, 4, 5)]
    rows = rows_of(table.encode(), "\n".join(["pid,fold,fold2", *parts]).encode())
    first = rows.sites[0]
    assert (first.name, first.y.tolist()) == ("northeast", [[10, 1], [20, 0]])
    assert first.x[0, 0] == 1
    train, test = split(first, 0.34, 1, "published")
    assert (train.y.tolist(), test.y.tolist()) == ([[10, 1]], [[20, 0]])
    assert [len(one.y) for one in rows.sites] == [2, 1, 1, 1, 1, 1], "d is in nobody's split"


def cox(x: Float64, time: Float64, event: Float64, ridge: float) -> Float64:
    """Newton's method on Breslow's partial likelihood with a penalty, written down plainly."""
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        hazard = np.exp(x @ weights)
        gradient, curvature = -ridge * weights, ridge * np.eye(len(weights))
        for row in np.flatnonzero(event):
            at_risk = time >= time[row]
            share = hazard[at_risk] / hazard[at_risk].sum()
            mean = share @ x[at_risk]
            gradient = gradient + x[row] - mean
            curvature += (x[at_risk] * share[:, None]).T @ x[at_risk] - np.outer(mean, mean)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def test_the_originals_give_flambys_rows_and_the_published_baseline() -> None:
    dataset = real(TCGA_BRCA)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == TCGA_BRCA.sites
    cut = [split(one, 0.34, 1, "published") for one in dataset.sites]
    assert [(len(train.y), len(test.y)) for train, test in cut] == [
        (248, 63), (156, 40), (164, 42), (129, 33), (129, 33), (40, 11),
    ]  # fmt: skip
    assert sum(int(one.y[:, 1].sum()) for one in dataset.sites) == 151
    x, y = (np.concatenate([getattr(train, name) for train, _ in cut]) for name in "xy")
    late_x, late_y = (np.concatenate([getattr(test, name) for _, test in cut]) for name in "xy")
    center, scale = x.mean(axis=0), x.std(axis=0)
    standard = ((x - center) / scale).astype(np.float64)
    weights = cox(standard, y[:, 0].astype(np.float64), y[:, 1].astype(np.float64), 10.0)
    risk = ((late_x - center) / scale) @ weights
    found = measure("survival", late_y, risk[:, None].astype(np.float64))["c_index"]
    assert found == pytest.approx(0.8425, abs=5e-4)
