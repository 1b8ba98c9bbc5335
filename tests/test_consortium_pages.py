"""What docs/network.md and docs/node.md show works: commands are run in order, page by page."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.commands import COLLEGIUM, environment

DOCS = Path(__file__).resolve().parent.parent / "docs"
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https:)([^)#]+)\)")


def run_in_order(page: str, folder: Path) -> list[str]:
    """Run a page's commands, and return them; what was started is ended in any case."""
    commands = COMMAND.findall((DOCS / page).read_text("utf-8"))
    try:
        for line in commands:
            called(line, folder)
    finally:
        for path in folder.rglob("network.json"):
            called(f"collegium network down {path.parent}", folder)
    return commands


def called(line: str, folder: Path) -> None:
    done = subprocess.run(
        shlex.split(line.replace("collegium", COLLEGIUM, 1)), cwd=folder,
        env=environment(), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.long
def test_the_commands_of_a_trial_work(tmp_path: Path) -> None:
    assert len(run_in_order("network.md", tmp_path)) == 8


def test_the_commands_of_a_node_work(tmp_path: Path) -> None:
    assert len(run_in_order("node.md", tmp_path)) == 1


@pytest.mark.parametrize("page", ["network.md", "node.md"])
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall((DOCS / page).read_text("utf-8")):
        assert (DOCS / target).exists(), target
