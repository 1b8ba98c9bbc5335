"""A table that is cut by time: each site trains on its earlier rows and is tested on later ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import SITES, STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.tables import CutTable, own_table
from collegium.audit.verify import verify
from collegium.data.split import split
from collegium.data.tabular.writing import table_text
from collegium.errors import DataError, StudyError
from collegium.federation.local_trainers import LocalTrainers
from collegium.simulation.execution import run
from collegium.study.document import TableSource
from collegium.study.reading import read_study
from collegium.study.searching import held_out_by, held_out_words

BY_TIME = STUDY.replace(', drop = ["mrn"] }', ', time = "admitted", drop = ["mrn"] }').replace(
    "[model]", '[data.split]\nby = "time"\ntest = 0.25\n\n[model]'
)


def cut(folder: Path, cells: dict[str, list[object]], text: str = BY_TIME) -> Prepared:
    """Return a study of a table that is cut by time."""
    return prepare(read_study(write_study(folder, cells, text)))


def table_of(prepared: Prepared) -> CutTable:
    """Return what the table of a study became."""
    assert prepared.table is not None
    return prepared.table


def moments(prepared: Prepared, site: str, part: str) -> np.ndarray:
    """Return when the rows of a site's part were."""
    time = getattr(table_of(prepared).parts[site], part).time
    assert time is not None
    return np.asarray(time)


def test_test_rows_are_the_latest_of_each_site_and_the_date_is_no_input(tmp_path: Path) -> None:
    cells = trainers()
    found = cut(tmp_path, cells)
    of_row = np.array([np.datetime64(str(one)).astype(int) for one in cells["admitted"]])
    for site in SITES:
        early, late = moments(found, site, "train"), moments(found, site, "test")
        own = np.sort(of_row[np.array(cells["hospital"]) == site])
        assert np.sort(np.concatenate([early, late])).tolist() == own.tolist()
        assert early.max() < late.min()
        assert 0.25 * len(own) <= len(late) <= 0.25 * len(own) + 10
    assert "admitted" in table_of(found).agreement.aside
    assert "admitted" not in {one.name for one in found.dataset.schema.features}


@pytest.mark.parametrize("kind", ["number", "day first", "moment"])
def test_a_number_or_any_date_orders_rows_and_equal_ones_stay_together(
    tmp_path: Path, kind: str
) -> None:
    cells = trainers()
    years = [2015 + at % 5 for at in range(240)]
    written: dict[str, list[object]] = {
        "number": list(years),
        "day first": [f"{1 + at % 28}/03/{year}" for at, year in enumerate(years)],
        "moment": [f"{year}-03-01 {at % 24:02d}:30" for at, year in enumerate(years)],
    }
    cells["admitted"] = written[kind]
    found = cut(tmp_path, cells)
    for site in SITES:
        early, late = moments(found, site, "train"), moments(found, site, "test")
        assert early.max() < late.min()
        assert len(late) >= 0.25 * (len(early) + len(late))
        if kind == "number":
            assert set(late.tolist()) in ({2019}, {2018, 2019})


def test_nobody_who_is_trained_on_is_tested_at_any_site(tmp_path: Path) -> None:
    cells = trainers()
    cells["patient"] = [f"p{at % 160}" for at in range(240)]
    text = BY_TIME.replace('site = "hospital"', 'site = "hospital", person = "patient"')
    found = cut(tmp_path, cells, text)
    trained = np.concatenate([one.person for one in found.train.values()])
    tested = np.concatenate([one.person for one in found.test.values()])
    assert not np.isin(tested, trained).any()
    (known,) = [one for one in table_of(found).left_out if one.why == "known-person"]
    assert known.rows == 240 - len(trained) - len(tested)
    assert known.in_words() == f"{known.rows} late ones of persons who are trained on"
    for site in SITES:  # training rows are what they are without persons
        assert moments(found, site, "train").max() < moments(found, site, "test").min()


def test_rows_without_a_moment_are_counted_and_words_are_named(tmp_path: Path) -> None:
    cells = trainers()
    cells["admitted"] = ["" if at < 12 else one for at, one in enumerate(cells["admitted"])]
    found = cut(tmp_path / "gaps", cells)
    (gone,) = table_of(found).left_out
    assert gone.in_words() == "12 without a date or number to cut by"
    assert any("12 rows with no date or number in 'admitted' left out: rows 1, 2" in one.text
               for one in found.notices)  # fmt: skip
    for words, told in (
        (["", "spring", "autumn"], "row 2, column 'admitted': 'spring' is no date or number"),
        (["03/04/2024"], "row 1, column 'admitted': '03/04/2024' is no date or number"),
        ([""], "row 1, column 'admitted': an empty cell is no date or number"),
    ):
        cells["admitted"] = [words[at % len(words)] for at in range(240)]
        with pytest.raises(DataError, match=told) as refused:
            cut(tmp_path / "words", cells)
        assert refused.value.code == "data.value"
        assert "2024-12-31" in refused.value.todo


def test_a_site_without_earlier_rows_is_refused(tmp_path: Path) -> None:
    cells = trainers()
    cells["admitted"] = [
        2020 if site == "va" else 2000 + at % 20 for at, site in enumerate(cells["hospital"])
    ]
    with pytest.raises(DataError, match="the rows of va cannot be split") as refused:
        cut(tmp_path, cells)
    assert refused.value.why == "no row is earlier than those that would be tested"


def test_a_member_cuts_its_own_file_alike(tmp_path: Path) -> None:
    found = cut(tmp_path, trainers())
    source = found.study.data.source
    assert isinstance(source, TableSource)
    for site in SITES:
        whole = table_of(found).whole[site]
        path = tmp_path / f"{site}.csv"
        path.write_text(table_text(whole, source))
        own, parts = own_table(source, found.study, path, site), table_of(found).parts[site]
        np.testing.assert_array_equal(own.train.place, np.searchsorted(
            whole.place, parts.train.place))  # fmt: skip
        np.testing.assert_array_equal(own.test.time, parts.test.time)


def test_the_latest_training_rows_are_held_out_too(tmp_path: Path) -> None:
    text = BY_TIME.replace("[training]", "[training]\nearly_stopping = { patience = 2 }")
    found = cut(tmp_path, trainers(), text)
    by = held_out_by(found.study)
    for rows in found.train.values():
        kept, held = split(rows, 0.2, found.study.study.seed, by)
        assert kept.time is not None
        assert held.time is not None
        assert kept.time.max() < held.time.min()
    assert held_out_words(0.2, by) == "20 % of each site's latest training rows"


def test_nobody_who_is_trained_on_is_held_out_at_any_site(tmp_path: Path) -> None:
    cells = trainers()
    cells["patient"] = [f"p{at % 160}" for at in range(240)]
    text = BY_TIME.replace('site = "hospital"', 'site = "hospital", person = "patient"')
    text = text.replace("[training]", "[training]\nearly_stopping = { patience = 2 }")
    found = cut(tmp_path, cells, text)
    work = LocalTrainers(found.study, found.parts.spec, found.parts.trainer, found.train)
    kept = np.concatenate([one.person for one in work.rows.values()])
    held = np.concatenate([one.person for one in work._held.values()])
    assert len(held) > 10
    assert not np.isin(held, kept).any()
    for name, late in work._held.items():
        early = work.rows[name].time
        assert early is not None
        assert late.time is not None
        assert early.max() < late.time.min()


def test_described_columns_are_cut_by_time_too(tmp_path: Path) -> None:
    text = BY_TIME.replace('"died"', '"died", classes = ["no", "yes"]')
    text += "\n[data.columns.age]\nrange = [18, 100]\n\n[data.columns.lactate]\nrange = [0, 20]\n"
    found = cut(tmp_path, trainers(), text)
    plain = cut(tmp_path / "plain", trainers())
    for site in SITES:
        assert moments(found, site, "test").tolist() == moments(plain, site, "test").tolist()


def test_a_run_that_is_cut_by_time_verifies(tmp_path: Path) -> None:
    result = run(write_study(tmp_path, trainers(), BY_TIME), out=tmp_path / "run")
    assert verify(result.folder).ok
    assert result.measured.federated is not None


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (', time = "admitted"', "", "cut by time, and no column tells it"),
        ('by = "time"\n', "", "a column of time is named, and the table is not cut by time"),
        ('time = "admitted"', 'time = "died"', "is target and time|is time and target"),
        ('drop = ["mrn"]', 'drop = ["mrn", "admitted"]', "is the time and stands in drop"),
    ],
)
def test_a_cut_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in BY_TIME
    with pytest.raises(StudyError, match=what):
        read_study(write_study(tmp_path, trainers(), BY_TIME.replace(old, new)))
