"""Breast masses: scikit-learn's rows, without scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.real import real

from collegium.data.breast_cancer import BREAST_CANCER, SCHEMA, rows_of
from collegium.data.checking import check_dataset
from collegium.data.table import DataSet, encode


@pytest.fixture
def dataset() -> DataSet:
    return real(BREAST_CANCER)


def test_the_first_line_counts_and_0_is_malignant() -> None:
    cells = ",".join(str(number) for number in range(1, 31))
    rows = rows_of(f"2,30,malignant,benign\n{cells},0\n{cells},1\n".encode()).sites[0]
    assert rows.y.tolist() == [1, 0]
    first = SCHEMA.features[0]
    assert (first.name, SCHEMA.features[29].name) == ("mean_radius", "worst_fractal_dimension")
    assert rows.x[0, 0] == pytest.approx((1 - first.center) / first.scale)


def test_569_biopsies_of_which_212_are_malignant(dataset: DataSet) -> None:
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == BREAST_CANCER.sites
    assert int(dataset.sites[0].y.sum()) == 212


def test_the_rows_are_scikit_learns(dataset: DataSet) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_breast_cancer()
    names = [f"{name}" for name in theirs.feature_names]
    ours = [feature.name for feature in SCHEMA.features]
    assert [name.split()[0] for name in names[:10]] == ["mean"] * 10
    columns = dict(zip(ours, theirs.data.T, strict=True))
    assert np.array_equal(encode(SCHEMA, columns), dataset.sites[0].x)
    assert np.array_equal(theirs.target == 0, dataset.sites[0].y == 1)
    assert ours[0:3] == ["mean_radius", "mean_texture", "mean_perimeter"]
    assert [name.replace(" ", "_") for name in names[:10]] == ours[:10]
