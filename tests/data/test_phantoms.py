"""Phantoms: made up the same way everywhere, and scanners that differ in intensity alone."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.data.checking import check_dataset
from collegium.data.phantoms import EMPTY, PHANTOMS, PICTURES, SCANNERS
from collegium.data.site_table import read_site, site_table


def test_it_is_what_it_says() -> None:
    dataset = PHANTOMS()
    check_dataset(dataset)
    assert [(one.name, len(one.y)) for one in dataset.sites] == list(PHANTOMS.sites)
    assert [(one.name, len(one.y)) for one in dataset.unseen] == list(PHANTOMS.unseen)
    assert "scanners" in dataset.made_up
    for rows in (*dataset.sites, *dataset.unseen):
        sizes = rows.y.sum(axis=1)
        assert int((sizes == 0).sum()) == PICTURES // EMPTY
        assert 0.02 < rows.y.mean() < 0.06


def test_scanners_differ_in_gain_and_offset_and_one_shows_dark_what_is_bright() -> None:
    for rows in PHANTOMS().sites:
        gain, offset, _ = SCANNERS[rows.name]
        inside, outside = rows.x[rows.y == 1].mean(), rows.x[:, :8].mean()
        assert (inside > outside) == (gain > 0)
        assert 0.5 + 0.5 * outside == pytest.approx(offset + 0.15 * gain, abs=0.05)


def test_a_table_with_a_column_for_each_pixel_of_the_mask_reads_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = PHANTOMS().sites[0]
    few = type(rows)(rows.name, rows.x[:3], rows.y[:3], rows.person[:3])
    table = tmp_path / "site.csv"
    table.write_text(site_table(PHANTOMS.schema, few))
    assert table.read_text().partition("\n")[0].endswith("sought_pixel_31_31,person")
    again = read_site(table, PHANTOMS.schema, rows.name, "person")
    assert np.array_equal(again.x, few.x)
    assert np.array_equal(again.y, few.y)
