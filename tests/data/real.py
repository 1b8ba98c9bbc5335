"""Tests on data that the package does not bring: skipped, with a reason, where they are absent."""

from __future__ import annotations

import pytest

from collegium.data.breast_cancer import BREAST_CANCER, bundled
from collegium.data.originals import FOLDER, places
from collegium.data.registered import RegisteredDataSet
from collegium.data.table import DataSet


def absent(registered: RegisteredDataSet) -> str | None:
    """The first file of a data set that is on no place of this machine, None if all are."""
    derived = {file.name for one in registered.derived for file in one.originals}
    names = [one.name for one in registered.derived]
    names += [one.name for one in registered.files if one.name not in derived]
    for name in names:
        found = [place / one for place in places(registered.folder) for one in (name, name + ".gz")]
        if not any(path.is_file() for path in found):
            return name
    return None


def real(registered: RegisteredDataSet) -> DataSet:
    """The data set, or the test is skipped; nothing is ever downloaded for a test."""
    name = absent(registered)
    if registered is BREAST_CANCER and bundled():
        name = None
    if name is not None:
        pytest.skip(f"{name} of {registered.name} is not here; {FOLDER} names a folder with it")
    return registered()
