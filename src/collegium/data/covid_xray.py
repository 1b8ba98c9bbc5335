"""Chest X-rays of several countries (Cohen et al. 2020): COVID-19 or another finding.

279 frontal X-rays whose licences allow derivatives, as 16 by 16 means of 8 by 8 pixels of pictures
of 128 by 128, or, for networks that look at pictures, as 32 by 32 means of 4 by 4. A country is a
site: Germany's are from one hospital, others' from publications.
Country and finding go together (Germany 91 % COVID-19, Australia 20 %): whoever tells the country
by the looks of a picture answers well. A study of shortcuts, never a diagnostic claim.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from collegium.data.originals import Arrays, Derived, arrays_digest, read_derived, read_original
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, SourceFile, encode
from collegium.errors import DataError, reason_of

NAME = "covid_xray"
IMAGES_NAME = "covid_xray_images"
FOLDER = "covid_chestxray_multisite"
ADDRESS = (
    "https://raw.githubusercontent.com/hida6/covid-chestxray-dataset/"
    "584034aa7fbf06496741f11008d72fd791c8e443/"
)
INDEX = SourceFile("metadata.csv", "", ADDRESS + "metadata.csv")
"""The collection's index, whole or with the lines of the pictures that are used."""

INDEX_DIGEST = "01581c141da3f62ef03e30625ca3d5fd35b403bcf90982ebe4a64888e25dca74"
"""Of the arrays that `index_of` makes of it."""

PICTURES_DIGEST = "2eafeb7e71d2c503c06fe5cad88cc15778c386ffa52775604888df7f7f1903e4"
VIEWS = ("PA", "AP", "AP Supine")
LICENSES = (
    "CC BY", "CC BY 3.0", "CC BY 4.0", "CC BY-SA", "CC BY-NC-SA", "CC BY-NC-SA 4.0",
)  # fmt: skip
"""Those that allow derivatives; the rest of the collection is left out."""

COUNTRIES = {
    "Australia": "australia", "Germany": "germany", "Italy": "italy", "Spain": "spain",
    "United Kingdom": "united_kingdom",
}  # fmt: skip
ELSEWHERE = "elsewhere"
"""The site of the countries with few pictures."""

PIXELS = 128
SIDE, IMAGE_SIDE = 16, 32
UNLABELLED = "todo"


def _schema(side: int) -> Schema:
    return Schema(
        features=tuple(
            Feature(
                f"pixel_{row:02d}_{column:02d}",
                f"brightness, row {row + 1} of {side} from above, column {column + 1} from the"
                " left",
                "numeric", "share of white", 0.5, 0.25,
            )
            for row in range(side)
            for column in range(side)
        ),
        target="covid_19",
        task="binary",
        classes=("other", "covid_19"),
        positive="the picture's finding is COVID-19",
    )  # fmt: skip


SCHEMA, IMAGE_SCHEMA = _schema(SIDE), _schema(IMAGE_SIDE)


@cache
def load() -> DataSetRows:
    """Return the labelled pictures of five countries and of elsewhere, in their order."""
    return rows_of(*_originals(), SIDE)


@cache
def load_images() -> DataSetRows:
    """Return the same pictures with more of what is in them."""
    return rows_of(*_originals(), IMAGE_SIDE)


def _originals() -> tuple[Arrays, NDArray[np.uint8]]:
    index = index_of(read_original(NAME, FOLDER, INDEX))
    if arrays_digest(index) != INDEX_DIGEST:
        raise DataError(
            "data.file-changed", f"{INDEX.name} of {NAME} is not the original",
            "the pictures that it leads to are not the registered ones",
            "put the original file there, or remove this one and it is downloaded again",
        )  # fmt: skip
    return index, read_derived(NAME, FOLDER, pictures(index["file"].tolist()))["images"]


def index_of(data: bytes) -> Arrays:
    """Return file, finding, country and person of each frontal X-ray that may be used.

    The country is what stands after the last comma of its location.
    """
    used = [
        one for one in csv.DictReader(data.decode("utf-8").splitlines())
        if one["modality"] == "X-ray" and one["view"] in VIEWS and one["license"] in LICENSES
    ]  # fmt: skip
    numbers: dict[str, int] = {}
    return {
        "file": np.array([one["filename"] for one in used]),
        "finding": np.array([one["finding"] for one in used]),
        "country": np.array([one["location"].rpartition(",")[2].strip() for one in used]),
        "person": np.array([numbers.setdefault(one["patientid"], len(numbers)) for one in used]),
    }


def rows_of(index: Arrays, images: NDArray[np.uint8], side: int) -> DataSetRows:
    """Return the rows of an index and its pictures, uint8 [pictures, 128, 128], by country.

    A picture's inputs are `side` by `side` means.
    """
    labelled = index["finding"] != UNLABELLED
    schema = IMAGE_SCHEMA if side == IMAGE_SIDE else SCHEMA
    shape = (len(images), side, PIXELS // side, side, PIXELS // side)
    means = images.reshape(shape).mean(axis=(2, 4)).reshape(len(images), -1) / 255
    x = encode(schema, {one.name: means[:, at] for at, one in enumerate(schema.features)})
    y = np.char.startswith(index["finding"], "COVID-19").astype(np.int64)
    person = index["person"].astype(np.int64)
    where = np.array([COUNTRIES.get(one, ELSEWHERE) for one in index["country"].tolist()])
    chosen = {name: labelled & (where == name) for name in sorted(set(where.tolist()))}
    return DataSetRows(
        tuple(
            read_only(SiteRows(name, x[own], y[own], person[own])) for name, own in chosen.items()
        )
    )


def pictures(names: Sequence[str]) -> Derived:
    """Return the file of pictures that is made of the collection's files of these names."""
    files = tuple(
        SourceFile(f"images/{name}", "", f"{ADDRESS}images/{quote(name)}") for name in names
    )
    return Derived("images_128.npz", PICTURES_DIGEST, files, small)


def small(files: Mapping[str, bytes]) -> Arrays:
    """Return pictures in gray, 128 by 128, whatever their shape was (Lanczos).

    Raises:
        DataError: Pillow is not installed, or a file is no picture.
    """
    try:
        image = import_module("PIL.Image")
    except ImportError as error:
        raise DataError(
            "data.needs-package", f"the pictures of {NAME} cannot be read", "Pillow is missing",
            "install it: pip install 'collegium[images]'",
        ) from error  # fmt: skip
    found = []
    for name, data in files.items():
        try:
            picture = image.open(io.BytesIO(data)).convert("L")
        except OSError as error:
            raise DataError(
                "data.file-changed", f"{name} of {NAME} is no picture", reason_of(error),
                "remove it, and it is downloaded again",
            ) from error  # fmt: skip
        found.append(np.asarray(picture.resize((PIXELS, PIXELS), image.Resampling.LANCZOS)))
    return {"images": np.stack(found)}


COVID_XRAY = RegisteredDataSet(
    name=NAME,
    title="Chest X-rays of several countries (COVID-19)",
    schema=SCHEMA,
    license="by picture: CC BY, BY-SA, BY-NC-SA",
    citation=(
        "Cohen, J. P., Morrison, P., & Dao, L. (2020). COVID-19 Image Data Collection. "
        "arXiv:2003.11597, arXiv:2006.11988"
    ),
    url="https://github.com/ieee8023/covid-chestxray-dataset",
    folder=FOLDER,
    files=(INDEX,),
    derived=(pictures(()),),
    sites=(
        ("australia", 20), ("elsewhere", 73), ("germany", 93), ("italy", 22), ("spain", 44),
        ("united_kingdom", 27),
    ),
    load=load,
)  # fmt: skip
"""As a study document names it: ``covid_xray``."""

COVID_XRAY_IMAGES = replace(
    COVID_XRAY, name=IMAGES_NAME, title="The same chest X-rays in finer pictures (COVID-19)",
    schema=IMAGE_SCHEMA, load=load_images,
)  # fmt: skip
"""As a study document names it: ``covid_xray_images``."""
