"""What a study is registered with where nobody knows its inputs yet."""

from __future__ import annotations

from pathlib import Path

from tests.data.tabular.cohorts import write_study

from collegium.assembly.ownership import registration_of
from collegium.assembly.parts import parts_of_table
from collegium.study.reading import read_study


def test_a_study_of_tables_is_registered_before_its_sites_have_agreed(tmp_path: Path) -> None:
    parts = parts_of_table(read_study(write_study(tmp_path)).study, None)
    terms = registration_of(parts, ("cleveland", "va"), bytes(32))
    assert terms.initial.parameters.tolist() == [0.0]
