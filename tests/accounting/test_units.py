"""What a unit of privacy is, and what follows from it."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from collegium.accounting.terms import Mechanism
from collegium.accounting.units import UNITS, UnitName
from collegium.errors import StudyError
from collegium.study.privacy import evaluation_epsilon, privacy_terms
from collegium.study.reading import read_study

PERSONS = np.array([7, 3, 7, 9])


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("patient", [7, 3, 7, 9]), ("record", [0, 1, 2, 3]), ("client", [0, 0, 0, 0])],
)
def test_rows_of_one_unit_have_its_number(unit: UnitName, expected: list[int]) -> None:
    found = UNITS[unit].of_rows(PERSONS)
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_every_name_is_described_under_it() -> None:
    assert {name: one.name for name, one in UNITS.items()} == {
        name: name for name in get_args(UnitName)
    }
    assert len(UNITS) == 3


@pytest.mark.parametrize("unit", get_args(UnitName))
def test_a_unit_goes_with_its_own_mechanisms_alone(unit: UnitName) -> None:
    accepted, refused = set(), []
    for mechanism in ("dp_sgd", "local", "central"):
        try:
            study = read_study("heart10", (
                f"privacy.differential_privacy={{unit='{unit}', mechanism='{mechanism}',"
                " epsilon=50.0, delta=1e-5, clip=0.5}",
                "aggregation.weights=equal", "training.rounds=1",
            )).study  # fmt: skip
        except StudyError as error:
            refused.append(error.todo)
            continue
        accepted.add(mechanism)
        terms = privacy_terms(study)
        assert terms is not None
        assert terms.protects is UNITS[unit]
        assert terms.mechanism in get_args(Mechanism)
        assert (terms.mechanism == "dp_sgd@1") == UNITS[unit].in_training
        assert (evaluation_epsilon(terms) == 0) == UNITS[unit].withholds
        assert any(terms.evaluation) == any(terms.setup) == (not UNITS[unit].withholds)
    assert accepted == set(UNITS[unit].mechanisms)
    assert refused
    assert all(f'mechanism = "{UNITS[unit].mechanisms[0]}"' in todo for todo in refused)
