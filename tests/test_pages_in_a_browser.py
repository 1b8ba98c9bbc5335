"""What axe-core finds on the pages, light and dark, on phones and wide screens: nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests import pages
from tests.browser import AXE, Browser, browser, found_or_skipped
from tests.pages import PAGES, Shown

SOURCE = Path(__file__).resolve().parent.parent / "src"
SHELL = "collegium.report.shell"

WIDTHS = (390, 768, 1440)
"""In CSS pixels: a phone, a tablet and a wide screen, with the style sheets' steps between them."""
BETWEEN = (360, 520, 700, 710, 955, 965, 1024)
"""Where only the edge is looked at: on both sides of the steps."""
SCHEMES = ("light", "dark")

OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
FINDINGS = """
axe.run({rules: {'target-size': {enabled: true}}}).then(found =>
    [...found.violations, ...found.incomplete.filter(one => one.id != 'color-contrast')]
        .flatMap(one => one.nodes.map(node =>
            `${one.id} at ${node.target.flat().join(' ')}: ${one.help}`)))
"""
"""All of axe's usual rules and one that is new in WCAG 2.2; what axe leaves to a person's judgement
counts too, save contrast on drawings, where it cannot see the ground: their text has the colours of
the text around them."""
SIDEWAYS = """
(() => {
    const edge = document.documentElement.clientWidth + 1;
    const scrolls = one => one && (getComputedStyle(one).overflowX != 'visible'
        || scrolls(one.parentElement));
    return [...document.querySelectorAll('body *')]
        .filter(one => one.getBoundingClientRect().right > edge && !scrolls(one.parentElement))
        .map(one => `sideways at ${one.tagName.toLowerCase()}.${one.getAttribute('class')}`);
})()
"""
"""What is right of the page's edge, save within what scrolls by itself."""

BAD = """<!DOCTYPE html><html><head><title>Bad</title><style>
p { color: #999; width: 25rem } @media (prefers-color-scheme: dark) { html { background: #999 } }
@media (prefers-color-scheme: dark) { p { color: #000 } } </style></head>
<body><h1>Bad</h1><h3>Skipped</h3><p>Pale.</p><img src="data:,"></body></html>"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found_or_skipped()
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


def findings(chromium: Browser, url: str) -> set[str]:
    """What is found on a page, each with the width and the scheme."""
    chromium.open(url)
    chromium.run(AXE.read_text("utf-8"))
    chromium.run(OPEN_ALL)
    found: set[str] = set()
    for width in BETWEEN:
        chromium.show(width, "light")
        found |= {f"{width} light: {one}" for one in chromium.run(SIDEWAYS)}
    for width, scheme in product(WIDTHS, SCHEMES):
        chromium.show(width, scheme)
        told = [*chromium.run(FINDINGS), *chromium.run(SIDEWAYS)]
        found |= {f"{width} {scheme}: {one}" for one in told}
    return found


@pytest.mark.parametrize(
    "shown",
    [pytest.param(one, marks=[pytest.mark.long] * one.long, id=one.name) for one in PAGES],
)
def test_axe_finds_nothing_and_nothing_runs_out_of_the_page(
    chromium: Browser, shown: Shown, tmp_path: Path
) -> None:
    with shown.made(tmp_path) as url:
        assert "\n".join(sorted(findings(chromium, url))) == ""


def test_every_module_that_writes_a_page_has_its_pages_here() -> None:
    writers, others = set(), []
    for path in SOURCE.rglob("*.py"):
        source, name = path.read_text("utf-8"), ".".join(path.relative_to(SOURCE).parts)[:-3]
        if "whole_page(" in source and name != SHELL:
            writers.add(name)
        elif "<html" in source.lower() or "<!doctype" in source.lower():
            others.append(name)
    assert writers <= pages.WRITERS
    assert others == [SHELL]


def test_what_is_bad_is_found_where_it_is_bad(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(BAD, encoding="utf-8")
    found: Any = findings(chromium, path.as_uri())
    rules = {one.split(": ")[1].split(" at ")[0] for one in found}
    assert {"html-has-lang", "heading-order", "image-alt", "color-contrast"} <= rules
    pale = {one.split(":")[0] for one in found if "color-contrast" in one}
    assert pale == {f"{width} light" for width in WIDTHS}
    wide = {one.split(":")[0] for one in found if "sideways at p." in one}
    assert wide == {"360 light", "390 light", "390 dark"}


SUMMARY = """
(() => {
    const annex = document.querySelector('.annex-title');
    const after = [annex];
    while (after[after.length - 1].nextElementSibling)
        after.push(after[after.length - 1].nextElementSibling);
    for (const one of after) one.remove();
    return after.length - 1;
})()
"""
"""Removes the annex and returns of how many sections it was."""

PAPER = {"A4": (8.27, 11.69), "letter": (8.5, 11.0)}
"""In inches."""


def sheets(chromium: Browser, paper: str) -> int:
    """How many sheets a page takes."""
    width, height = PAPER[paper]
    printed = chromium(
        "Page.printToPDF", paperWidth=width, paperHeight=height, preferCSSPageSize=False
    )
    return len(re.findall(rb"/Type /Page\b", base64.b64decode(printed["data"])))


@pytest.mark.parametrize("paper", PAPER)
def test_what_comes_before_the_annex_is_two_sheets(
    chromium: Browser, paper: str, tmp_path: Path
) -> None:
    for shown in PAGES:
        if not shown.name.startswith("report") or shown.long:
            continue
        folder = tmp_path / shown.name
        folder.mkdir()
        with shown.made(folder) as url:
            chromium.open(url)
            whole = sheets(chromium, paper)
            assert chromium.run(SUMMARY) >= 5
            assert sheets(chromium, paper) <= 2 < whole, shown.name
