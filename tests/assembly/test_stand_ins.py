"""Numbers that stand for no value are named in the study, and are warned of where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import prepare
from collegium.assembly.stand_ins import stand_ins
from collegium.data.tabular.applying import apply_agreed
from collegium.study.reading import read_study

MISSING = STUDY.replace("drop =", "missing = [-9999, 7.5], drop =")


def cohort(**instead: str) -> dict[str, list[object]]:
    """Return a table whose gaps of lactate are written as asked."""
    cells = trainers(400)
    cells["lactate"] = [one or instead["gap"] for one in cells["lactate"]]
    return cells


@pytest.mark.parametrize("gap", ["-9999", "-9999.0"])
def test_a_number_that_is_named_is_a_gap_in_training_and_prediction(
    tmp_path: Path, gap: str
) -> None:
    plain = prepare(read_study(write_study(tmp_path / "gaps", cohort(gap=""))))
    named = prepare(read_study(write_study(tmp_path / "named", cohort(gap=gap), MISSING)))
    assert plain.table is not None
    assert named.table is not None
    assert named.table.agreement.columns == plain.table.agreement.columns
    assert "study.stand-in" not in {one.code for one in named.notices}
    for name, rows in named.train.items():
        np.testing.assert_array_equal(rows.x, plain.train[name].x)
    applied = [
        apply_agreed(tmp_path / which / "cohort.csv", one.table.agreement, aside=("hospital",)).x
        for which, one in (("gaps", plain), ("named", named)) if one.table is not None
    ]  # fmt: skip
    assert len(applied[0]) == 400
    np.testing.assert_array_equal(applied[0], applied[1])


def test_a_frequent_number_far_outside_is_warned_of(tmp_path: Path) -> None:
    found = prepare(read_study(write_study(tmp_path, cohort(gap="-9999")))).notices
    (warned,) = [one for one in found if one.code == "study.stand-in"]
    assert warned.level == "warning"
    assert warned.text.startswith("lactate = -9999 is frequent and far from all other values")
    honest = prepare(read_study(write_study(tmp_path / "honest", cohort(gap="")))).notices
    assert "study.stand-in" not in {one.code for one in honest}


def test_ends_that_columns_have_by_nature_are_not_warned_of() -> None:
    draws = np.random.default_rng(5)
    normal = draws.normal(60, 10, 2000)
    assert stand_ins(np.minimum(normal, 75)) == []  # a cap
    assert stand_ins(np.maximum(0, draws.normal(0, 3, 2000)).round()) == []  # many zeros
    assert stand_ins(draws.lognormal(0, 2, 2000).round(1)) == []  # a long tail
    assert stand_ins(np.append(normal, [999.0] * 3)) == []  # a mistake or three
    assert stand_ins(np.append(normal, [999.0] * 30)) == [999.0]
    assert stand_ins(np.append(draws.normal(240, 50, 700), [0.0] * 40)) == [0.0]
