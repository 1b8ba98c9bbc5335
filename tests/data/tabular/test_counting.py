"""Tables counted for a sum come to what tables that say their own come to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, write_study

from collegium.assembly.preparation import prepare
from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.counting import (
    Counts,
    concluded,
    counted_columns,
    counts_of,
    largest_counts,
    size_of_counts,
)
from collegium.data.tabular.site_statistics import BINS, SiteColumns, SiteMoments
from collegium.errors import DataError
from collegium.mechanisms.statistics.speaking import SiteTable
from collegium.study.reading import read_study

MASKED = 'privacy.secure_aggregation={protocol="secagg"}'
Parts = Mapping[str, SiteTable]


def tables(folder: Path, *changes: str, text: str = STUDY) -> tuple[Parts, AgreedPreparation]:
    """The sites' tables of the made-up cohort, and what they agree on."""
    found = prepare(read_study(write_study(folder, text=text), changes)).table
    assert found is not None
    return found.parts, found.agreement


def at(step: int, agreement: AgreedPreparation) -> AgreedPreparation:
    """What was agreed after an earlier step, to which later ones add numbers alone."""
    unknown = dict.fromkeys(("center", "scale") if step == 1 else (), 0)
    columns = [msgspec.structs.replace(one, **unknown) for one in agreement.columns]
    return msgspec.structs.replace(
        agreement, step=step, columns=tuple(columns), included=agreement.included[:step]
    )


def total(parts: Parts, before: AgreedPreparation) -> Counts:
    """The sum of what sites count."""
    found = np.zeros(size_of_counts(before), np.int64)
    for one in parts.values():
        counts = counts_of(one.train, before, 10)
        assert (counts >= 0).all()
        assert (counts <= largest_counts(before, "table@2")).all()
        found += counts
    return found


@pytest.mark.parametrize("target", ["died", "lactate"])
def test_means_and_deviations_are_those_of_plain_sums(tmp_path: Path, target: str) -> None:
    text = STUDY.replace('"died"', f'"{target}"')
    text = text if target == "died" else text.replace('"logistic"', '"linear"')
    plain = tables(tmp_path / "plain", text=text)[1]
    masked = tables(tmp_path / "masked", MASKED, text=text)[1]
    told = [
        [
            (one.name, one.kind, one.center, one.scale, one.categories, one.missing)
            for one in (*found.columns, found.target)
        ]
        for found in (plain, masked)
    ]
    assert told[0] == told[1]
    assert plain.left_out == masked.left_out
    assert plain.classes == masked.classes
    assert plain.included == masked.included


def test_quantiles_are_those_of_plain_histograms(tmp_path: Path) -> None:
    assert tables(tmp_path / "a")[1].columns == tables(tmp_path / "b", MASKED)[1].columns


def test_what_a_site_counts_is_what_it_would_say(tmp_path: Path) -> None:
    parts, agreement = tables(tmp_path)
    before = at(1, agreement)
    one = parts["va"].train
    plain = site_statistics_of(one, "binary", before, 10)
    assert isinstance(plain, SiteMoments)
    said = {moment.name: moment for moment in plain.moments}
    counts = counts_of(one, before, 10).reshape(-1, 7).tolist()
    for column, told in zip(counted_columns(before), counts, strict=True):
        persons, rows, high, low, *digits = told
        moment = said[column.name]
        assert (persons, rows) == (moment.rows, moment.rows), "a row a person here"
        assert ((high - rows) << 32) + low == int(moment.sum)
        assert sum(digit << 32 * place for place, digit in enumerate(digits)) == int(moment.squares)


def test_of_few_persons_in_the_sum_nothing_is_used(tmp_path: Path) -> None:
    parts, agreement = tables(tmp_path)
    whole = total(parts, at(1, agreement))
    found = decode_agreed(concluded(at(1, agreement), whole, tuple(parts), 10, "table@2"))
    assert [one.name for one in found.columns] == ["admitted", "age", "lactate", "sex"]
    everybody = sum(one.train.rows for one in parts.values())
    found = decode_agreed(concluded(at(1, agreement), whole, tuple(parts), everybody, "table@2"))
    assert "lactate" in [one.name for one in found.left_out], "some of it is missing"


def test_persons_are_counted_once_in_a_column_s_bins(tmp_path: Path) -> None:
    parts, agreement = tables(tmp_path)
    bins = total(parts, at(2, agreement)).reshape(-1, BINS)
    names = [one.name for one in counted_columns(at(2, agreement))]
    everybody = sum(one.train.rows for one in parts.values())
    persons = (bins / 2**20).sum(axis=1)
    assert persons[names.index("age")] == pytest.approx(everybody, abs=1e-3)
    assert persons[names.index("lactate")] < everybody - 10


@pytest.mark.parametrize("place", [0, 1, 2, 6], ids=["persons", "rows", "sum", "squares"])
def test_a_sum_of_moments_that_one_site_has_bent_contradicts_itself(
    tmp_path: Path, place: int
) -> None:
    parts, agreement = tables(tmp_path)
    counts = total(parts, at(1, agreement))
    counts[place] = 0 if place == 1 else largest_counts(at(1, agreement), "table@2")[place]
    assert concluded(at(1, agreement), counts, tuple(parts), 10, "table@2") == b""


def test_nothing_can_be_learned_from_columns_that_nobody_has(tmp_path: Path) -> None:
    parts, agreement = tables(tmp_path)
    numbers = tuple(one for one in agreement.columns if one.kind != "categorical")
    before = at(1, msgspec.structs.replace(agreement, columns=numbers))
    with pytest.raises(DataError):
        concluded(before, np.zeros(size_of_counts(before), np.int64), tuple(parts), 10, "table@2")


def test_rows_with_a_value_are_rounded_down_in_what_is_said(tmp_path: Path) -> None:
    parts, _ = tables(tmp_path)
    one = parts["va"].train
    exact, coarse = (
        site_statistics_of(one, "binary", None, 10),
        site_statistics_of(one, "binary", None, 10, coarse=True),
    )
    assert isinstance(exact, SiteColumns)
    assert isinstance(coarse, SiteColumns)
    for fine, rough in zip(exact.columns, coarse.columns, strict=True):
        assert rough.present <= fine.present
        assert rough.present == 0 or rough.present >= 10
        assert rough.present == 10 or rough.present.bit_count() <= 2
