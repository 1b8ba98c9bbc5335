"""Of very many categories the most frequent ones are inputs, and no count of them is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import SITES, STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.tables import own_table
from collegium.data.tabular.combining_statistics import agreed
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.site_statistics import (
    ColumnStatistics,
    SiteColumns,
    encode_site_statistics,
)
from collegium.errors import StudyError
from collegium.study.document import TableSource
from collegium.study.reading import read_study

MOST = STUDY.replace("drop =", "most_categories = 20, drop =")


def prepared(folder: Path, text: str) -> Prepared:
    """Return a study of a table with 130 codes of ten persons or more at each hospital."""
    rows = 12_000
    cells = trainers(rows)
    cells["hospital"] = [SITES[at % 4] for at in range(rows)]
    ranks = np.floor(130 * np.random.default_rng(7).random(rows) ** 1.5).astype(int)
    # The most frequent code is the last in order.
    cells["code"] = [f"C{129 - one:03d}" for one in ranks]
    return prepare(read_study(write_study(folder, cells, text)))


def test_the_most_frequent_of_many_categories_are_inputs(tmp_path: Path) -> None:
    without = prepared(tmp_path / "none", STUDY)
    assert without.table is not None
    (gone,) = [one for one in without.notices if one.code == "study.left-out"]
    assert "code (it has more than 100 categories: data.source.most_categories keeps" in gone.text
    found = prepared(tmp_path / "most", MOST)
    assert found.table is not None
    (code,) = [one for one in found.table.agreement.columns if one.name == "code"]
    assert len(code.categories) == 20
    assert set(code.categories) >= {f"C{one}" for one in range(118, 130)}
    names = [one.name for one in found.dataset.schema.features]
    assert "code=C129" in names
    assert "code (other)" in names
    assert "code=C090" not in names


def test_a_site_names_its_most_frequent_alone_and_in_the_order_of_names(tmp_path: Path) -> None:
    found = prepared(tmp_path, MOST)
    assert found.table is not None
    said = site_statistics_of(found.table.parts["va"].train, "binary", None, 10, most=20)
    assert isinstance(said, SiteColumns)
    (code,) = [one for one in said.columns if one.name == "code"]
    assert len(code.categories) == 20
    assert code.categories == tuple(sorted(code.categories))


def test_a_member_with_its_own_file_says_the_same(tmp_path: Path) -> None:
    found = prepared(tmp_path, MOST)
    assert found.table is not None
    source = found.study.data.source
    assert isinstance(source, TableSource)
    header, *lines = (tmp_path / "cohort.csv").read_text().splitlines()
    (tmp_path / "va.csv").write_text("\n".join([header, *(one for one in lines if ",va," in one)]))
    own = own_table(source, found.study, tmp_path / "va.csv", "va").train
    assert encode_site_statistics(
        site_statistics_of(own, "binary", None, 10, most=20)
    ) == encode_site_statistics(
        site_statistics_of(found.table.parts["va"].train, "binary", None, 10, most=20)
    )


def test_what_most_sites_name_is_kept(tmp_path: Path) -> None:
    source = TableSource(
        table="t.csv", target="died", classes=("no", "yes"), most_categories=2, smallest=10
    )

    def said(*words: str) -> bytes:
        column = ColumnStatistics(
            name="code", unit="", kind="categorical", present=50, missing=False, exponent=0,
            categories=words, identifier=False,
        )  # fmt: skip
        return encode_site_statistics(SiteColumns(columns=(column,), classes=("no", "yes")))

    found = agreed(
        source, "binary", None, {"a": said("B", "C"), "b": said("C", "D"), "c": said("B", "E")}
    )
    assert found.columns[0].categories == ("B", "C")
    tied = agreed(source, "binary", None, {"a": said("B", "D"), "b": said("C", "D")})
    assert tied.columns[0].categories == ("B", "D")


def test_where_the_document_names_categories_it_has_nothing_to_say(tmp_path: Path) -> None:
    text = MOST.replace('"died"', '"died", classes = ["no", "yes"]')
    text += '\n[data.columns.sex]\ncategories = ["f", "m"]\n'
    with pytest.raises(StudyError, match="most_categories says what"):
        read_study(write_study(tmp_path / "described", text=text))
    with pytest.raises(StudyError, match="most_categories"):
        read_study(write_study(tmp_path / "many", text=MOST.replace("= 20", "= 101")))
