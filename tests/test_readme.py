"""What the README shows works: its commands are run in order, in one empty folder.

Commands are the lines that begin with "$ " in blocks marked sh or console; blocks marked python are
programs. A block marked toml that is a whole study is what the commands call my_study.toml.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.commands import COLLEGIUM, environment

from collegium.data.table import Schema
from collegium.plugins import find

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")

BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
NOT_HERE = ("git clone", "pip ", "cd ", "python -m venv", "python3 -m venv")
"""How commands begin that fetch or install, or that only make sense where they did."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to be run: a language, and its text."""

    language: str
    text: str


def shown() -> list[Shown]:
    """Everything that the README shows to be run, in order."""
    found = []
    for language, block in BLOCK.findall(README):
        if language in ("sh", "console"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [Shown("sh", line[2:]) for line in lines if line.startswith("$ ")]
        elif language == "python":
            found.append(Shown("python", block))
    return found


def study() -> str | None:
    """The study that the README shows."""
    for language, block in BLOCK.findall(README):
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


def run(step: Shown, folder: Path) -> None:
    """Run what is shown as a reader would, with the package's programs on the path."""
    programs = os.pathsep.join([str(Path(COLLEGIUM).parent), os.environ["PATH"]])
    command = (
        ["bash", "-euo", "pipefail", "-c", step.text]
        if step.language == "sh"
        else [sys.executable, "-c", step.text]
    )
    done = subprocess.run(
        command, cwd=folder, env=environment(PATH=programs), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{step.text}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_commands_and_programs_work_in_the_order_shown(tmp_path: Path) -> None:
    text = study()
    if text is not None:
        (tmp_path / "my_study.toml").write_text(text, encoding="utf-8")
    (tmp_path / "patients.csv").write_text(patients(find("datasets", "uci_heart")().schema))
    for step in shown():
        if step.language == "sh" and step.text.startswith(("make", *NOT_HERE)):
            continue
        run(step, tmp_path)


def test_targets_of_make_exist() -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = [step.text.split() for step in shown() if step.text.startswith("make")]
    for _, *words in asked:
        for word in words:
            assert "=" in word or word in targets, word


def test_there_is_something_to_run() -> None:
    if len(README.splitlines()) < 10:
        pytest.skip("the README is not written yet")
    commands = [step.text.split()[:2] for step in shown()]
    for command in ("run", "verify"):
        assert ["collegium", command] in commands


def test_links_lead_somewhere() -> None:
    for target in LINK.findall(README):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (ROOT / target).exists(), target
