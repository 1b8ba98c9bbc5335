"""A node's rows and their cut are the simulation's, bit for bit, whatever source they come from."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collegium.assembly.parts import load_dataset
from collegium.assembly.preparation import Prepared, prepare
from collegium.data.site_table import PERSON, site_table
from collegium.data.table import DataSet, SiteRows
from collegium.errors import CollegiumError
from collegium.network.plan import rows_by_site
from collegium.node.config import DataSource
from collegium.node.site_rows import own_rows
from collegium.study.document import Study
from collegium.study.reading import read_study

PARTITIONS = [
    'data.partition={by="site"}', 'data.partition={by="split", sites=7}',
    'data.partition={by="iid", sites=5}', 'data.partition={by="dirichlet", sites=5, alpha=0.3}',
]  # fmt: skip
CSV = DataSource(csv="rows.csv", person=PERSON)


def simulated(*changes: str) -> Prepared:
    return prepare(read_study("heart", changes))


def outline() -> DataSet:
    """What the rows mean, without anybody's rows."""
    return replace(load_dataset("uci_heart"), sites=())


def same(one: SiteRows, other: SiteRows) -> bool:
    return (
        one.name == other.name
        and np.array_equal(one.x, other.x)
        and np.array_equal(one.y, other.y)
        and one.x.dtype == other.x.dtype
    )


@pytest.mark.parametrize("partition", PARTITIONS)
def test_from_a_file_and_from_the_data_set_the_parts_are_the_simulations(
    tmp_path: Path, partition: str
) -> None:
    prepared = simulated(partition, "study.seed=11")
    study, schema = prepared.study, prepared.dataset.schema
    for site, rows in rows_by_site(prepared).items():
        (tmp_path / "rows.csv").write_text(site_table(schema, rows))
        for source in (CSV, DataSource(dataset="uci_heart", site=site)):
            own = own_rows(source, tmp_path, study, outline(), site)
            assert same(own.train, prepared.train[site])
            assert same(own.test, prepared.test[site])


def test_the_site_is_called_as_the_member_is() -> None:
    source = DataSource(dataset="uci_heart", site="va")
    own = own_rows(source, Path(), simulated().study, outline(), "long-beach")
    assert (own.train.name, own.test.name) == ("long-beach", "long-beach")


def ours(study: Study) -> SiteRows:
    rows = load_dataset(str(study.data.source)).sites[2]
    return replace(rows, x=rows.x.astype(np.float64)) if study.study.seed == 1 else rows


def test_a_loader_is_called_with_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "our_hospital", sys.modules[__name__])
    prepared = simulated()
    source = DataSource(loader="our_hospital:ours")
    own = own_rows(source, Path(), prepared.study, outline(), "switzerland")
    assert same(own.train, prepared.train["switzerland"])


@pytest.mark.parametrize(
    ("source", "seed", "code"),
    [
        (DataSource(csv="none.csv"), 0, "data.unreadable"),
        (DataSource(dataset="uci_heart", site="boston"), 0, "node.data"),
        (DataSource(dataset="lung", site="va"), 0, "node.data"),
        (DataSource(loader="our_hospital:nobody"), 0, "node.loader"),
        (DataSource(loader="no_such_module:rows"), 0, "node.loader"),
        (DataSource(loader="our_hospital:same"), 0, "node.loader"),
        (DataSource(loader="our_hospital:ours"), 1, "data.inconsistent"),
    ],
)
def test_a_source_that_does_not_hold_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: DataSource, seed: int, code: str
) -> None:
    monkeypatch.setitem(sys.modules, "our_hospital", sys.modules[__name__])
    study = simulated(f"study.seed={seed}").study
    with pytest.raises(CollegiumError) as caught:
        own_rows(source, tmp_path, study, outline(), "va")
    assert caught.value.code == code
