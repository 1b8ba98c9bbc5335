"""Outlines are the edges of masks, and errors are the pixels in which two masks differ."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.report.reading import Page
from tests.report.synthetic import inputs

from collegium.report.measurements import Picture
from collegium.report.page import render

PICTURE = Picture(
    site="aachen", dice=0.5,
    grey="0123" "4567" "89ab" "cdef",
    reference="0000" "0110" "0110" "0000",
    outlined="0000" "0010" "0010" "0010",
)  # fmt: skip


def paths(class_: str) -> list[str]:
    read = Page(render(replace(inputs("segmentation").content(), pictures=(PICTURE,))))
    return [given["d"] for name, given in read.elements
            if name == "path" and given.get("class") == class_ and "d" in given]  # fmt: skip


def test_an_outline_has_every_edge_of_its_mask_once() -> None:
    reference, _ = paths("outline reference")
    edges = re.findall(r"M\d \d[hv]1", reference)
    assert len(edges) == len(set(edges)) == 8, "a square of two by two has eight edges"
    outlined, _ = paths("outline outlined")
    assert len(re.findall(r"M\d \d[hv]1", outlined)) == 8, "one by three has eight too"


def test_errors_are_where_reference_and_model_differ() -> None:
    missed, _ = paths("error missed")
    assert missed == "M1 1h1v1h-1zM1 2h1v1h-1z"
    extra, _ = paths("error extra")
    assert extra == "M2 3h1v1h-1z"


def test_a_picture_is_described_in_words() -> None:
    read = Page(render(replace(inputs("segmentation").content(), pictures=(PICTURE,))))
    assert "aachen: Dice 0.500, 2 pixels missed, 1 outlined by mistake" in read.sections["pictures"]
    assert "pictures" not in Page(render(inputs("segmentation").content())).sections
