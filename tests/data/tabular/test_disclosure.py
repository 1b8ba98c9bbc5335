"""What is left of a table's statistics when everything that others know is subtracted.

All other sites together know a site's counts under masks; plainly everybody does. Either way each
number that a site gives, and each difference of two, is of nobody or of `K` persons or more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

import numpy as np
import pytest

from collegium.data.tabular.agreed_preparation import AgreedColumn, AgreedPreparation, decode_agreed
from collegium.data.tabular.columns import Column, Table
from collegium.data.tabular.combining_statistics import conclusion
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.counting import concluded, counted_columns, counts_of
from collegium.data.tabular.site_statistics import (
    BINS,
    SiteColumns,
    SiteMoments,
    SiteQuantiles,
    encode_site_statistics,
)
from collegium.data.tabular.study_rows import StudyRows
from collegium.study.document import TableSource

K = 10
SOURCE = TableSource(table="t.csv", target="died", smallest=K)


def site(draws: np.random.Generator) -> StudyRows:
    """A site of 3 to 60 persons, some with several rows, some without values."""
    persons = int(draws.choice([3, 8, 12, 30, 60]))
    person = np.repeat(np.arange(persons), draws.integers(1, 4, persons))
    rows = len(person)
    columns = {}
    for name, share in (("age", 0.0), ("lactate", 0.03), ("score", 0.3), ("rare", 0.9)):
        lacking = np.isin(person, np.flatnonzero(draws.random(persons) < share))
        values = np.where(lacking, np.nan, draws.normal(50, 9, rows).round(1))
        columns[name] = Column(name, "", "numeric", values, None, ())
    label = draws.integers(0, 2, rows)
    target = Column("died", "", "categorical", None, label, ("no", "yes"))
    return StudyRows(
        Table(columns, rows),
        target,
        None,
        person,
        label,
        np.zeros(rows, np.int64),
        ("a",),
        np.arange(rows),
        (),
    )


def steps(sites: dict[str, StudyRows]) -> Iterator[AgreedPreparation | None]:
    """What is agreed before each step."""
    before: bytes | None = None
    for _ in range(3):
        agreed = None if before is None else decode_agreed(before)
        yield agreed
        said = {
            name: encode_site_statistics(site_statistics_of(one, "binary", agreed, K))
            for name, one in sites.items()
        }
        before = conclusion(SOURCE, "binary", before, said, 1)


def cohorts() -> Iterator[dict[str, StudyRows]]:
    """Sites of studies, one of which at least has persons enough."""
    for seed in range(120):
        draws = np.random.default_rng(seed)
        sites = {name: site(draws) for name in ("ada", "bo", "cy", "di")}
        if any(len(set(one.person)) >= 30 for one in sites.values()):
            yield sites


def lacking(rows: StudyRows, column: str) -> int:
    """How many persons lack a value in some row."""
    values = rows.table.columns[column].values
    assert values is not None
    return len(set(rows.person[np.isnan(values)]))


def test_who_lacks_a_value_does_not_follow_from_the_number_of_all_rows() -> None:
    seen = 0
    for sites in cohorts():
        for before in steps(sites):
            for rows in sites.values():
                said = site_statistics_of(rows, "binary", before, K)
                told: dict[str, int] = {}
                if isinstance(said, SiteColumns):
                    told = {one.name: one.present for one in said.columns if one.present}
                if isinstance(said, SiteMoments):
                    told = {one.name: one.rows for one in said.moments}
                if isinstance(said, SiteQuantiles):
                    told = {one.name: sum(n for _, n in one.cells) for one in said.histograms}
                every = len(set(rows.person)) if isinstance(said, SiteQuantiles) else rows.rows
                for name, count in told.items():
                    assert count == every or lacking(rows, name) >= K
                    seen += count == every and lacking(rows, name) > 0
    assert seen > 50


def test_nothing_of_few_persons_is_left_of_a_sum_without_the_others() -> None:
    for sites in cohorts():
        for before in steps(sites):
            if before is None:
                continue
            for rows in sites.values():
                counts = counts_of(rows, before, K).reshape(len(counted_columns(before)), -1)
                persons = len(set(rows.person))
                for column, told in zip(counted_columns(before), counts.tolist(), strict=True):
                    if before.step == 1:
                        assert told[0] == 0 or told[0] >= K
                        assert told[0] in (0, persons) or lacking(rows, column.name) >= K
                        continue
                    cells = [mass * len(list(run)) for mass, run in groupby(told)]
                    assert all(mass == 0 or mass / 2**20 >= K - 1e-3 for mass in cells)


def test_a_sum_agrees_on_what_plain_statistics_agree_on() -> None:
    for number, sites in enumerate(cohorts()):
        for before, after in pairwise(steps(sites)):
            if before is None or after is None:
                continue
            total = np.sum([counts_of(one, before, K) for one in sites.values()], axis=0)
            found = decode_agreed(concluded(before, total, tuple(sites), K, "table@2"))
            assert found.columns == after.columns
        if number == 20:
            return


@pytest.mark.parametrize("persons", [1, 9])
def test_of_a_small_site_a_sum_is_the_same_whatever_it_has(persons: int) -> None:
    before = AgreedPreparation(
        step=1, task="binary", event="", classes=("no", "yes"), left_out=(), aside=(),
        target=AgreedColumn(name="died", unit="", kind="categorical", sites=1, missing=False),
        columns=(AgreedColumn(name="age", unit="", kind="numeric", sites=3, missing=False),),
        unknown="other", included=(("ada",),),
    )  # fmt: skip
    person = np.arange(persons)
    age = Column("age", "", "numeric", np.full(persons, 0.5), None, ())
    died = Column("died", "", "categorical", None, person % 2, ("no", "yes"))
    rows = StudyRows(
        Table({"age": age}, persons),
        died,
        None,
        person,
        person % 2,
        person * 0,
        ("a",),
        person,
        (),
    )
    assert not counts_of(rows, before, K).any()
    assert BINS == 64
