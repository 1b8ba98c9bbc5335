"""Chest X-rays: which pictures are used, how they become inputs, how they are made again."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.covid_xray import (
    COVID_XRAY,
    COVID_XRAY_IMAGES,
    IMAGE_SIDE,
    SIDE,
    index_of,
    pictures,
    rows_of,
    small,
)
from collegium.data.table import input_names
from collegium.errors import DataError


def picture(**changes: str) -> dict[str, str]:
    return {
        "filename": "a.png", "finding": "COVID-19", "modality": "X-ray", "view": "PA",
        "license": "CC BY", "location": "Hannover, Germany", "patientid": "7",
    } | changes  # fmt: skip


def index(*lines: dict[str, Any]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def test_only_frontal_x_rays_whose_license_allows_derivatives_are_used() -> None:
    found = index_of(
        index(
            picture(), picture(modality="CT"), picture(view="L"), picture(license="CC BY-NC-ND"),
            picture(license=""), picture(filename="b.png", view="AP Supine", patientid="3"),
        )
    )  # fmt: skip
    assert found["file"].tolist() == ["a.png", "b.png"]
    assert found["country"].tolist() == ["Germany", "Germany"]
    assert found["person"].tolist() == [0, 1]


def test_a_country_is_a_site_and_small_ones_are_elsewhere() -> None:
    found = index_of(
        index(
            picture(), picture(location="Cairo, Egypt", finding="ARDS"), picture(finding="todo"),
            picture(location="", finding="COVID-19, ARDS"),
        )
    )  # fmt: skip
    rows = rows_of(found, np.zeros((4, 128, 128), np.uint8), SIDE)
    assert [(one.name, one.y.tolist()) for one in rows.sites] == [
        ("elsewhere", [0, 1]), ("germany", [1]),
    ]  # fmt: skip


def test_an_input_is_the_mean_of_a_block() -> None:
    image = np.zeros((1, 128, 128), np.uint8)
    image[0, 8:16, 120:] = 255
    found = rows_of(index_of(index(picture())), image, SIDE).sites[0].x[0]
    names = input_names(COVID_XRAY.schema)
    assert len(names) == 256
    bright = [name for name, value in zip(names, found.tolist(), strict=True) if value > 0]
    assert bright == ["pixel_01_15"]
    assert found.max() == 2
    assert found.min() == -2
    finer = rows_of(index_of(index(picture())), image, IMAGE_SIDE).sites[0].x[0]
    names = input_names(COVID_XRAY_IMAGES.schema)
    shown = {name for name, value in zip(names, finer.tolist(), strict=True) if value > 0}
    assert shown == {
        f"pixel_{row:02d}_{column:02d}" for row in range(2, 4) for column in range(30, 32)
    }


def test_the_recipe_makes_gray_pictures_of_one_size() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    packed = io.BytesIO()
    image.fromarray(np.full((50, 90, 3), 200, np.uint8)).save(packed, "PNG")
    made = small({"images/a.png": packed.getvalue()})["images"]
    assert made.shape == (1, 128, 128)
    assert made.dtype == np.uint8
    assert set(made.ravel().tolist()) == {200}
    with pytest.raises(DataError, match="no picture"):
        small({"images/a.png": b"no"})


def test_without_pillow_the_recipe_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("collegium.data.covid_xray.import_module", absent)
    with pytest.raises(DataError) as caught:
        small({})
    assert caught.value.code == "data.needs-package"
    assert "collegium[images]" in caught.value.todo


def test_names_with_odd_characters_have_an_address() -> None:
    (file,) = pictures(["a b(1).png"]).originals
    assert file.url.endswith("/images/a%20b%281%29.png")


def test_279_labelled_pictures_of_six_sites() -> None:
    dataset = real(COVID_XRAY)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == COVID_XRAY.sites
    shares = {one.name: float(one.y.mean()) for one in dataset.sites}
    assert shares["germany"] == pytest.approx(0.914, abs=1e-3)
    assert shares["australia"] == pytest.approx(0.2)
