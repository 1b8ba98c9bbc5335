"""`collegium fetch`: the files of a data set are here, checked, and where they are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told


def test_a_data_set_of_the_package_needs_no_file(call: Call) -> None:
    done = call("fetch", "uci_heart")
    assert done.returncode == 0
    assert "the package brings it" in done.stdout
    assert told(call("fetch", "phantoms", "--json"))["files"] == []


def test_an_unknown_name_is_answered_with_the_nearest(call: Call) -> None:
    code, what, _, todo = diagnosis(call("fetch", "fhir_sampels"))
    assert code == "plugin.unknown"
    assert "fhir_sampels" in what
    assert "collegium fetch fhir_samples" in todo


def test_what_is_nowhere_is_told_with_its_address(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    code, what, _, todo = diagnosis(call("fetch", "fhir_samples"))
    assert code == "data.not-here"
    assert "synthea_r4/Andrea_Dach" in what
    assert "https://raw.githubusercontent.com/smart-on-fhir/" in todo


def test_files_that_are_no_table_are_listed_and_refused_as_a_studys_source(call: Call) -> None:
    found = {one["name"]: one for one in told(call("list", "data", "--json"))}
    assert len(found["fhir_samples"]["files"]) == 58
    assert found["tcga_glioma"]["key"] == "Case_ID"
    assert "IDH1" in found["tcga_glioma"]["holders"]["laboratory"]
    code, _, why, _ = diagnosis(call("check", "heart", "--set", "data.source=fhir_samples"))
    assert code == "study.unknown-name"
    assert "no table" in why
