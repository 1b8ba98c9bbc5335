"""What the README shows works: its commands are run in order, in one empty folder.

A block marked toml that is a whole study is what the commands call my_study.toml.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tests.shown_pages import BLOCK, files, run, shown

from collegium.data.table import Schema
from collegium.plugins import find

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")

LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
FIGURE = re.compile(r"\b[0-9a-f]{64}\b|[0-9]+(\.[0-9]+)?")
NOT_HERE = ("git clone", "pip ", "cd ", "source ", ". ", "python -m venv", "python3 -m venv")
"""How commands begin that fetch or install, or that only make sense where they did."""


def study() -> str | None:
    """The study that the README shows."""
    for language, _, block in BLOCK.findall(README):
        if language == "toml" and "study" in tomllib.loads(block):
            return str(block)
    return None


def patients(schema: Schema) -> str:
    """A table with one row that a model of the schema can read."""
    cells = {
        feature.name: feature.categories[0].code if feature.categories else "1"
        for feature in schema.features
    }
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


def test_commands_and_programs_work_in_the_order_shown(tmp_path: Path) -> None:
    text = study()
    if text is not None:
        (tmp_path / "my_study.toml").write_text(text, encoding="utf-8")
    (tmp_path / "patients.csv").write_text(patients(find("datasets", "uci_heart")().schema))
    samples, compared = files(README), set()
    for step in shown(README):
        if step.language == "sh" and step.text.startswith(("make", *NOT_HERE)):
            continue
        output = run(step, tmp_path)
        if step.text in samples:
            assert_like(output, samples[step.text])
            compared.add(step.text)
    assert compared == set(samples)


def assert_like(output: str, sample: str) -> None:
    """Check that lines of a sample are those of an output but for figures; … is any lines."""
    lines = iter([FIGURE.sub("#", line) for line in output.splitlines()])
    skipping = False
    for line in (FIGURE.sub("#", line) for line in sample.splitlines()):
        if line == "…":
            skipping = True
            continue
        found = next((one for one in lines if one == line or not skipping), "nothing")
        assert found == line
        skipping = False
    assert skipping or not list(lines), "the output goes on"


def test_targets_of_make_exist() -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = [step.text.split() for step in shown(README) if step.text.startswith("make")]
    for _, *words in asked:
        for word in words:
            assert "=" in word or word in targets, word


def test_there_is_something_to_run() -> None:
    if len(README.splitlines()) < 10:
        pytest.skip("the README is not written yet")
    commands = [step.text.split()[:2] for step in shown(README)]
    for command in ("run", "verify"):
        assert ["collegium", command] in commands


def test_links_lead_somewhere() -> None:
    for target in LINK.findall(README):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (ROOT / target).exists(), target
