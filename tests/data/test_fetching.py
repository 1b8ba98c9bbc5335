"""Files that are no table, and folders of data sets that go where no net is."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.data.real import real

from collegium.data.collection import Collection
from collegium.data.fetching import fetch
from collegium.data.fhir_samples import FHIR_SAMPLES
from collegium.data.originals import places
from collegium.data.table import SourceFile
from collegium.data.tcga_glioma import TCGA_GLIOMA
from collegium.errors import DataError

CONTENT = b'{"resourceType": "Patient"}'
LETTERS = Collection(
    "letters", "Two letters", "CC0", "nobody", "", "letters",
    (
        SourceFile("a/one.json", sha256(CONTENT).hexdigest()),
        SourceFile("two.json", sha256(CONTENT).hexdigest()),
    ),
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data sets that has the letters, one of them compressed."""
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "letters"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one.json").write_bytes(CONTENT)
    (folder / "two.json.gz").write_bytes(gzip.compress(CONTENT))
    return folder


def test_a_collection_gives_its_files_wherever_they_lie_in_folders_or_compressed(
    place: Path,
) -> None:
    assert LETTERS.read("a/one.json") == LETTERS.read("two.json") == CONTENT
    (place / "a" / "one.json").write_bytes(b"{}")
    with pytest.raises(DataError) as caught:
        LETTERS.read("a/one.json")
    assert caught.value.code == "data.file-changed"


def test_a_file_that_is_not_in_it_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        LETTERS.read("three.json")
    assert caught.value.code == "data.no-such-file"


@pytest.mark.usefixtures("place")
def test_what_is_fetched_to_a_folder_serves_as_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch(LETTERS, tmp_path / "stick")
    assert [one.name for one in first] == ["a/one.json", "two.json"]
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path / "stick"))
    assert fetch(LETTERS) == first


@pytest.mark.usefixtures("place")
def test_a_missing_file_is_told_and_not_passed_over() -> None:
    more = replace(LETTERS, files=(*LETTERS.files, SourceFile("three.json", "00")))
    with pytest.raises(DataError) as caught:
        fetch(more)
    assert caught.value.code == "data.not-here"


def test_samples_are_the_registered_ones_and_what_they_say() -> None:
    last = FHIR_SAMPLES.files[-1].name
    if not any((place / last).is_file() for place in places("fhir_samples")):
        pytest.skip("fhir_samples is not here; COLLEGIUM_DATA names a folder with it")
    names = [file.name for file in FHIR_SAMPLES.files]
    assert (len(names), len(set(names))) == (58, 58)
    small = [name for name in names if name.startswith("hl7") or "Liz_Conn" in name]
    kinds = {json.loads(FHIR_SAMPLES.read(name))["resourceType"] for name in small}
    assert {"Bundle", "Device", "Observation", "Patient"} <= kinds


def test_a_tables_files_are_fetched_too(tmp_path: Path) -> None:
    real(TCGA_GLIOMA)
    (one,) = fetch(TCGA_GLIOMA, tmp_path)
    written = tmp_path / "tcga_glioma" / one.name
    assert sha256(written.read_bytes()).hexdigest() == one.sha256 == TCGA_GLIOMA.files[0].sha256
