"""A column that was written down after the answer is told before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.data.tabular.cohorts import trainers, write_study

from collegium.assembly.preparation import prepare
from collegium.assembly.target_leakage import about_target_leakage
from collegium.data.table import Feature, Schema, SiteRows
from collegium.study.reading import read_study


def test_a_column_that_tells_the_answer_is_named_in_check(tmp_path: Path) -> None:
    cells = trainers()
    cells["discharge"] = ["dead" if died == "yes" else "home" for died in cells["died"]]
    notices = prepare(read_study(write_study(tmp_path, cells))).notices
    (warned,) = [one for one in notices if one.code == "study.giveaway"]
    assert warned.level == "warning"
    assert warned.text.startswith("discharge=home alone tells died")


def test_an_honest_table_has_none_and_few_rows_prove_nothing(tmp_path: Path) -> None:
    notices = prepare(read_study(write_study(tmp_path, trainers()))).notices
    assert "study.giveaway" not in {one.code for one in notices}
    schema = Schema((Feature("x", "x", "numeric"),), "y", "binary", ("no", "yes"))
    for positive, told in ((9, False), (10, True)):
        y = (np.arange(60) < positive).astype(np.int64)
        rows = SiteRows("a", y[:, None].astype(np.float32), y, np.arange(60))
        assert bool(about_target_leakage(schema, {"a": rows})) == told
