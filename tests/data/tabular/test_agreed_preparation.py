"""Sites that say only sums over ten persons or more agree on one preparation, exactly."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from collegium.data.tabular.agreed_preparation import (
    AgreedColumn,
    AgreedPreparation,
    decode_agreed,
    encode_agreed,
)
from collegium.data.tabular.combining_statistics import agreed
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.preparation import encode_study_rows, input_schema, value_of
from collegium.data.tabular.reading import read_table_file
from collegium.data.tabular.site_statistics import (
    ColumnMoments,
    SiteColumns,
    SiteMoments,
    SiteQuantiles,
    decode_site_statistics,
    encode_site_statistics,
)
from collegium.data.tabular.study_rows import StudyRows, rows_of_study, take_study_rows
from collegium.errors import DataError, FormatError
from collegium.study.document import TableSource, Task

Cells = Mapping[str, Sequence[object]]


def written(folder: Path, name: str, cells: Cells) -> Path:
    path = folder / name
    rows = zip(*cells.values(), strict=True)
    lines = [",".join(cells), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def studied(path: Path, source: TableSource, task: Task, alone: str | None = None) -> StudyRows:
    return rows_of_study(read_table_file(path), source, task, alone=alone)


def sites_of(whole: StudyRows) -> dict[str, StudyRows]:
    return {
        name: take_study_rows(whole, np.flatnonzero(whole.site == number))
        for number, name in enumerate(whole.sites)
    }


def agree(source: TableSource, task: Task, sites: Mapping[str, StudyRows]) -> AgreedPreparation:
    found: AgreedPreparation | None = None
    for _ in range(3):
        said = {
            name: encode_site_statistics(site_statistics_of(rows, task, found, source.smallest))
            for name, rows in sites.items()
        }
        found = agreed(source, task, found, said)
    assert found is not None
    return found


def trainers(rows: int = 200, seed: int = 0) -> dict[str, Sequence[object]]:
    draws = np.random.default_rng(seed)
    lactate = ["" if draws.random() < 0.3 else f"{value:.2f}" for value in draws.gamma(2, 1, rows)]
    return {
        "hospital": [f"H{number % 3}" for number in range(rows)],
        "record_id": list(range(10_000, 10_000 + 7 * rows, 7)),
        "age": [f"{value:.1f}" for value in draws.normal(60, 12, rows)],
        "lactate": lactate,
        "sex": draws.choice(["f", "m", ""], rows, p=[0.4, 0.3, 0.3]).tolist(),
        "doctor": [f"Dr {number % 61}" for number in range(rows)],
        "device": [7] * rows,
        "admitted": [f"2024-{1 + number % 12:02d}-03" for number in range(rows)],
        "died": draws.choice(["no", "yes"], rows, p=[0.7, 0.3]).tolist(),
    }


SOURCE = TableSource(table="cohort.csv", target="died", site="hospital")


def column(found: AgreedPreparation, name: str) -> AgreedColumn:
    return next(one for one in found.columns if one.name == name)


@pytest.fixture
def found(tmp_path: Path) -> AgreedPreparation:
    path = written(tmp_path, "cohort.csv", trainers())
    return agree(SOURCE, "binary", sites_of(studied(path, SOURCE, "binary")))


def test_columns_that_can_teach_nothing_are_left_out_with_the_reason(
    found: AgreedPreparation,
) -> None:
    assert [one.name for one in found.columns] == ["admitted", "age", "lactate", "sex"]
    assert {one.name: one.reason for one in found.left_out} == {
        "device": "constant", "doctor": "no-category", "record_id": "identifier",
    }  # fmt: skip
    assert found.classes == ("no", "yes")
    assert column(found, "sex").categories == ("f", "m")
    assert column(found, "lactate").missing
    assert not column(found, "age").missing


def test_means_and_deviations_are_those_of_all_rows(found: AgreedPreparation) -> None:
    ages = np.array([float(str(one)) for one in trainers()["age"]])
    age = column(found, "age")
    assert value_of(age, age.center) == pytest.approx(ages.mean(), abs=1e-7)
    assert value_of(age, age.scale) == pytest.approx(ages.std(), abs=1e-7)
    assert value_of(age, age.median) == pytest.approx(np.median(ages), abs=ages.std() / 4)
    assert age.low < age.median < age.high


def test_files_of_their_own_and_one_file_with_a_column_give_the_same_bytes(
    tmp_path: Path, found: AgreedPreparation
) -> None:
    cells = trainers()
    parts = {}
    for name in ("H0", "H1", "H2"):
        mine = [row for row, site in enumerate(cells["hospital"]) if site == name]
        own = {key: [cells[key][row] for row in mine] for key in cells if key != "hospital"}
        path = written(tmp_path, f"{name}.csv", own)
        parts[name.lower()] = studied(path, SOURCE, "binary", name.lower())
    assert encode_agreed(agree(SOURCE, "binary", parts)) == encode_agreed(found)


def test_neither_order_nor_threads_of_rows_matter(tmp_path: Path, found: AgreedPreparation) -> None:
    whole = studied(written(tmp_path, "again.csv", trainers()), SOURCE, "binary")
    turned = take_study_rows(whole, np.arange(whole.rows)[::-1])
    # Of each person a histogram takes the first row: here everybody has one.
    assert agree(SOURCE, "binary", sites_of(turned)) == found


def test_an_agreement_has_one_form(found: AgreedPreparation) -> None:
    data = encode_agreed(found)
    assert decode_agreed(data) == found
    with pytest.raises(FormatError):
        decode_agreed(data.replace(b'"step":3', b'"step": 3'))


def test_inputs_are_standardized_and_gaps_are_told(
    tmp_path: Path, found: AgreedPreparation
) -> None:
    whole = studied(written(tmp_path, "again.csv", trainers()), SOURCE, "binary")
    rows = encode_study_rows(found, whole, "all")
    names = [feature.name for feature in input_schema(found).features]
    assert names == [
        "admitted", "age", "lactate", "lactate (missing)", "sex=m", "sex (other)", "sex (missing)",
    ]  # fmt: skip
    at = {name: rows.x[:, number].astype(np.float64) for number, name in enumerate(names)}
    assert abs(at["age"].mean()) < 1e-6
    assert at["age"].std() == pytest.approx(1.0, abs=1e-6)
    gaps = np.array([cell == "" for cell in trainers()["lactate"]])
    np.testing.assert_array_equal(at["lactate (missing)"] == 1.0, gaps)
    assert len(set(at["lactate"][gaps].tolist())) == 1
    np.testing.assert_array_equal(at["sex=m"] == 1.0, [one == "m" for one in trainers()["sex"]])
    assert not at["sex (other)"].any()
    assert rows.y.tolist() == [int(one == "yes") for one in trainers()["died"]]


def test_a_site_that_lacks_a_column_makes_its_absence_an_input(tmp_path: Path) -> None:
    cells = trainers()
    pairs = zip(cells["hospital"], cells["age"], strict=True)
    ages = ["" if site == "H1" else age for site, age in pairs]
    path = written(tmp_path, "gap.csv", {**cells, "age": ages})
    found = agree(SOURCE, "binary", sites_of(studied(path, SOURCE, "binary")))
    assert column(found, "age").missing
    assert column(found, "age").sites == 2


def test_nothing_is_said_of_fewer_than_ten_persons(tmp_path: Path) -> None:
    cells: Cells = {
        "person": [number // 2 for number in range(40)],
        "age": [50 + number if number < 18 else "" for number in range(40)],  # nine persons
        "ward": ["icu"] * 18 + ["er"] * 22,
        "died": ["yes"] * 18 + ["no"] * 22,
    }
    source = TableSource(table="x", target="died", person="person")
    rows = studied(written(tmp_path, "few.csv", cells), source, "binary", "a")
    said = site_statistics_of(rows, "binary", None, 10)
    assert isinstance(said, SiteColumns)
    age, ward = said.columns
    assert (age.name, age.kind, age.present, age.exponent) == ("age", "empty", 0, 0)
    assert ward.categories == ("er",)
    assert said.classes == ("no", "yes")  # of a few classes the names are told


def test_names_of_many_classes_are_told_only_of_enough_persons(tmp_path: Path) -> None:
    cells: Cells = {
        "age": list(range(60)),
        "word": [f"rare {n}" if n < 25 else "often" for n in range(60)],
    }
    source = TableSource(table="x", target="word")
    rows = studied(written(tmp_path, "x.csv", cells), source, "multiclass", "a")
    said = site_statistics_of(rows, "multiclass", None, 10)
    assert isinstance(said, SiteColumns)
    assert said.classes == ("often",)


def test_every_cell_of_a_histogram_holds_ten_persons(
    tmp_path: Path, found: AgreedPreparation
) -> None:
    whole = studied(written(tmp_path, "again.csv", trainers()), SOURCE, "binary")
    before = msgspec.structs.replace(found, step=2)
    for rows in sites_of(whole).values():
        said = site_statistics_of(rows, "binary", before, 10)
        assert isinstance(said, SiteQuantiles)
        assert min(count for one in said.histograms for _, count in one.cells) >= 10


@pytest.mark.parametrize(
    ("task", "target", "code"),
    [("binary", "hospital", "data.classes"), ("multiclass", "died", "data.classes")],
)
def test_a_target_that_does_not_fit_the_task_is_refused(
    tmp_path: Path, task: Task, target: str, code: str
) -> None:
    source = TableSource(table="x", target=target)
    rows = studied(written(tmp_path, "x.csv", trainers()), source, task, "a")
    with pytest.raises(DataError) as caught:
        agree(source, task, {"a": rows})
    assert caught.value.code == code


def test_a_number_to_be_predicted_is_summed_as_well(tmp_path: Path) -> None:
    source = TableSource(table="x", target="age", drop=("doctor",))
    rows = studied(written(tmp_path, "x.csv", trainers()), source, "regression", "a")
    found = agree(source, "regression", {"a": rows})
    ages = np.array([float(str(one)) for one in trainers()["age"]])
    assert value_of(found.target, found.target.center) == pytest.approx(ages.mean(), abs=1e-7)
    assert encode_study_rows(found, rows, "a").y.dtype == np.float32


def test_different_units_are_never_mixed(tmp_path: Path) -> None:
    parts = {}
    for name, unit in (("a", "mg/dL"), ("b", "mmol/L")):
        cells = {
            f"glucose [{unit}]" if key == "age" else key: value for key, value in trainers().items()
        }
        parts[name] = studied(written(tmp_path, f"{name}.csv", cells), SOURCE, "binary", name)
    found = agree(SOURCE, "binary", parts)
    assert [one.reason for one in found.left_out if one.name == "glucose"] == ["units"]


def test_an_identifier_is_known_by_its_name_at_small_sites_too(tmp_path: Path) -> None:
    cells = {**trainers(14), "id": [3 * n for n in range(14)], "beats": [3 * n for n in range(14)]}
    rows = studied(written(tmp_path, "a.csv", cells), SOURCE, "binary", "a")
    said = site_statistics_of(rows, "binary", None, 10)
    assert isinstance(said, SiteColumns)
    assert {one.name for one in said.columns if one.identifier} == {"id", "record_id"}


def test_a_word_that_too_few_share_is_not_named_and_still_told_apart(tmp_path: Path) -> None:
    cells = {**trainers(60), "sex": ["m"] * 30 + ["f"] * 6 + ["m"] * 24}
    parts = {"a": studied(written(tmp_path, "a.csv", cells), SOURCE, "binary", "a")}
    found = agree(SOURCE, "binary", parts)
    assert column(found, "sex").categories == ("m",)
    x = encode_study_rows(found, parts["a"], "a").x
    names = [feature.name for feature in input_schema(found).features]
    assert x[:, names.index("sex (other)")].sum() == 6


def test_kinds_are_those_of_most_rows(tmp_path: Path) -> None:
    text = {**trainers(60), "age": ["old"] * 60}
    parts = {
        "a": studied(written(tmp_path, "a.csv", trainers()), SOURCE, "binary", "a"),
        "b": studied(written(tmp_path, "b.csv", text), SOURCE, "binary", "b"),
    }
    found = agree(SOURCE, "binary", parts)
    assert column(found, "age").kind == "numeric"
    x = encode_study_rows(found, parts["b"], "b").x
    names = [feature.name for feature in input_schema(found).features]
    assert len(set(x[:, names.index("age")].tolist())) == 1  # all of them missing


def test_huge_values_neither_overflow_nor_hide_the_others(tmp_path: Path) -> None:
    cells = {**trainers(), "age": ["1e300", "99999", *trainers()["age"][2:]]}
    path = written(tmp_path, "huge.csv", cells)
    whole = studied(path, SOURCE, "binary")
    found = agree(SOURCE, "binary", sites_of(whole))
    x = encode_study_rows(found, whole, "all").x
    assert np.isfinite(x).all()
    assert np.abs(x).max() <= 8.0


def moments(**fields: Any) -> bytes:
    usual = {"name": "age", "rows": 10, "sum": "100", "squares": "1000", **fields}
    return encode_site_statistics(SiteMoments(moments=(ColumnMoments(**usual),)))


BAD = [
    moments(rows=9),
    moments(sum="1e5"),
    moments(sum="-0"),
    moments(squares="-1"),
    moments(sum="1000", squares="1"),  # no numbers have such sums
    moments(sum=str(11 << 32)),
    b"{}",
    b"\xff",
    encode_site_statistics(SiteQuantiles(histograms=())),
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_no_site_may_say_is_as_if_it_had_not_been_said(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_site_statistics(data, 2, 10)
    assert decode_site_statistics(moments(), 2, 10)


def test_a_malformed_site_is_not_included(tmp_path: Path) -> None:
    whole = sites_of(studied(written(tmp_path, "x.csv", trainers()), SOURCE, "binary"))
    said: dict[str, bytes | None] = {
        name: encode_site_statistics(site_statistics_of(rows, "binary", None, 10))
        for name, rows in whole.items()
    }
    found = agreed(SOURCE, "binary", None, {**said, "h1": b"nonsense", "h2": None})
    assert found.included == (("h0",),)
