"""The studies that come with the package."""

from __future__ import annotations

import pytest

from collegium.study.presets import preset_names, preset_text
from collegium.study.reading import read_study


def test_the_presets_of_this_version() -> None:
    assert preset_names() == [
        "activity", "activity_cnn", "anomalies", "brca", "eicu", "heart", "heart10",
        "heart10-robust", "intrusion", "lungs", "lungs_cnn", "phantoms", "scanners", "tumors",
    ]  # fmt: skip


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_reads_without_warning_and_is_called_like_its_study(name: str) -> None:
    result = read_study(name)
    assert result.study.study.id == name.replace("_", "-")
    assert result.text == preset_text(name)
    assert not [notice for notice in result.notices if notice.level == "warning"]


def test_heart10_is_heart_on_ten_sites() -> None:
    four, ten = read_study("heart").study, read_study("heart10").study
    assert (ten.data.partition.by, ten.data.partition.sites) == ("split", 10)
    assert (ten.training, ten.model, ten.aggregation) == (
        four.training,
        four.model,
        four.aggregation,
    )
