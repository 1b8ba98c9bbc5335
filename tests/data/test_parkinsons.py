"""Voices and motor scores: a person is a site, time is a clock and no column."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.real import real

from collegium.assembly.preparation import prepare
from collegium.data.checking import check_dataset
from collegium.data.parkinsons import LOGARITHMS, PARKINSONS, PLAIN, SCHEMA, rows_of
from collegium.data.split import split
from collegium.learning.models import predict
from collegium.study.reading import read_study

COLUMNS = ["subject#", "test_time", "motor_UPDRS", *(one.name for one in PLAIN), *LOGARITHMS]


def recording(subject: int, day: float, score: float, **changed: float) -> str:
    values = dict.fromkeys(COLUMNS, 0.01) | {"sex": 0.0, "age": 65.0}
    values |= {"subject#": float(subject), "test_time": day, "motor_UPDRS": score} | changed
    return ",".join(f"{values[name]:g}" for name in COLUMNS)


def table(*lines: str) -> bytes:
    return "\n".join([",".join(COLUMNS), *lines]).encode()


def test_a_person_is_a_site_whose_recordings_are_in_order_of_time() -> None:
    lines = [recording(2, 1.0, 20), recording(1, 9.5, 12), recording(1, -1.0, 10)]
    first, second = rows_of(table(*lines)).sites
    assert (first.name, second.name) == ("person_01", "person_02")
    assert first.y.tolist() == [10, 12]
    assert first.time is not None
    assert first.time.tolist() == [[-1440, -1440], [13680, 13680]]


def test_measures_that_spread_over_decades_enter_as_logarithms() -> None:
    (site,) = rows_of(table(recording(1, 0, 10, NHR=float(np.exp(-3.0))))).sites
    at = [feature.name for feature in SCHEMA.features].index("ln_nhr")
    assert site.x[0, at] == pytest.approx(1.0, abs=1e-4)


def test_neither_time_nor_the_other_score_is_a_column() -> None:
    names = {feature.name for feature in SCHEMA.features}
    assert not names & {"test_time", "total_UPDRS", "motor_UPDRS", "subject#"}


def test_the_original_has_42_persons_and_voices_tell_them_less_than_a_constant() -> None:
    dataset = real(PARKINSONS)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == PARKINSONS.sites
    errors, constant = [], []
    for number in range(6):
        unseen = [one for at, one in enumerate(dataset.sites) if at % 6 == number]
        known = [one for at, one in enumerate(dataset.sites) if at % 6 != number]
        x = np.concatenate([one.x for one in known]).astype(np.float64)
        y = np.concatenate([one.y for one in known]).astype(np.float64)
        x = np.column_stack([np.ones(len(x)), x])
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
        for one in unseen:
            said = np.column_stack([np.ones(len(one.x)), one.x]) @ weights
            errors.append(np.abs(said - one.y))
            constant.append(np.abs(one.y - y.mean()))
    assert np.concatenate(errors).mean() > np.concatenate(constant).mean() - 0.1
    train, test = split(dataset.sites[0], 0.3, 1, "time")
    assert train.time is not None
    assert test.time is not None
    assert train.time.max() < test.time.min()


def test_scores_are_learned_in_their_usual_spread_and_predicted_as_they_are() -> None:
    real(PARKINSONS)
    changes = [
        "data.source=parkinsons_telemonitoring", "data.split={ test = 0.3, by = 'time' }",
        "model.architecture=linear", "training.rounds=1", "evaluation.bootstrap=0",
        "training.learning_rate=0.000001",
    ]  # fmt: skip
    prepared = prepare(read_study("heart", changes))
    assert prepared.parts.spec.unit == (20.0, 8.0)
    zero = np.zeros(len(SCHEMA.features) + 1, np.float32)
    rows = prepared.test["person_01"]
    assert predict(prepared.parts.spec, zero, rows.x)[:, 0].tolist() == [20.0] * len(rows.y)
    assert "study.data-caution" in {one.code for one in prepared.notices}
