"""The robustness page: rules in the order of what they keep, and shades that need no colour."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.pages import benchmarked
from tests.report.reading import Page

from collegium.benchmark.grid import RULES
from collegium.benchmark.heat_map import DARK, INK_DARK, INK_LIGHT, LIGHT, STEPS, points

RANKING = "Rules by the accuracy"
VISIONS = {
    "usual": np.eye(3),
    "no colour": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
"""What eyes make of linear red, green and blue: Machado, Oliveira and Fernandes (2009), table 1."""


def luminance(shade: str, vision: str = "usual") -> float:
    """Relative luminance by WCAG 2.2, as eyes of a kind see a shade."""
    parts = np.array([int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(np.array([0.2126, 0.7152, 0.0722]) @ (VISIONS[vision] @ linear))


def contrast(one: str, other: str, vision: str = "usual") -> float:
    darker, lighter = sorted((luminance(one, vision), luminance(other, vision)))
    return (lighter + 0.05) / (darker + 0.05)


def test_rules_stand_in_the_order_of_what_they_keep_in_the_table_and_in_the_map() -> None:
    rules = ("fedavg", "median", "norm_clipping+nnm+trimmed_mean")
    page = Page(benchmarked(3, rules, counts=(2,)))
    _, *rows = page.table(RANKING)
    kept = [float(row[1].split()[0]) for row in rows]
    assert kept == sorted(kept, reverse=True)
    assert sorted(row[0] for row in rows) == sorted(rules)
    mapped = page.tables[""]
    assert [row[0] for row in mapped[1:]] == [row[0] for row in rows]
    for row, cells in zip(rows, mapped[1:], strict=True):
        losses = [float(cell.replace("−", "-")) for cell in cells[1:]]
        worst = mapped[0][1 + losses.index(max(losses))]
        assert row[2] == worst
        before = float(row[3].split()[0])
        assert float(row[1].split()[0]) == pytest.approx(before - max(losses), abs=0.11)
    assert f"{rows[0][0]} keeps the highest accuracy" in page.sections["answer"]


@pytest.mark.parametrize(("splits", "intervals"), [(2, False), (3, True)])
def test_two_splits_have_no_interval(splits: int, intervals: bool) -> None:
    page = Page(benchmarked(splits, ("fedavg", "median"), counts=(2,)))
    for row in page.table(RANKING)[1:]:
        assert all((" to " in row[column]) is intervals for column in (1, 3, 5))
    assert bool(re.search(r" \([−\d.-]+ to ", page.sections["answer"])) is intervals
    assert ("There are no intervals" in page.sections["measured"]) is not intervals


def test_a_rule_that_is_refused_is_named_with_the_reason_and_has_no_row() -> None:
    page = Page(benchmarked(2, RULES, counts=(2,)))
    assert "bulyan: bulyan cannot tolerate 2 of 10" in page.sections["attackers-2"]
    assert "bulyan" not in [row[0] for row in page.table(RANKING)]


@pytest.mark.parametrize("shades", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_shades_are_in_order_for_every_eye(shades: tuple[str, ...], vision: str) -> None:
    assert len(shades) == len(STEPS) + 1
    seen = [luminance(one, vision) for one in shades]
    assert seen in (sorted(seen), sorted(seen, reverse=True))
    assert min(map(contrast, shades, shades[1:], [vision] * len(STEPS))) > 1.12


@pytest.mark.parametrize("shades", [LIGHT, DARK], ids=["light", "dark"])
def test_a_number_can_be_read_on_every_shade(shades: tuple[str, ...]) -> None:
    assert min(max(contrast(one, INK_LIGHT), contrast(one, INK_DARK)) for one in shades) > 4.5


def test_nothing_is_never_less_than_nothing() -> None:
    assert [points(value) for value in (-0.04, 0.04, -0.06, 12.25)] == [
        "0.0",
        "0.0",
        "−0.1",
        "12.2",
    ]
