"""What docs/receipts.md shows works: its commands are run in order, in one empty folder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.commands import COLLEGIUM, environment

PAGE = Path(__file__).resolve().parent.parent / "docs" / "receipts.md"
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https:)([^)#]+)\)")


def test_its_commands_work_in_the_order_shown(tmp_path: Path) -> None:
    commands = COMMAND.findall(PAGE.read_text("utf-8"))
    assert [line.split()[-1] for line in commands if line.startswith("!")] == ["quorum.policy"]
    assert len(commands) > 6
    for line in commands:
        program = line.removeprefix("! ").replace("collegium", COLLEGIUM, 1)
        done = subprocess.run(
            program.split(), cwd=tmp_path, env=environment(), capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == int(line.startswith("!")), f"{line}\n{done.stdout}{done.stderr}"
        if "audit check" in line and not line.startswith("!"):
            assert "model.release by cleveland: study heart" in done.stdout


def test_its_links_lead_somewhere() -> None:
    for target in LINK.findall(PAGE.read_text("utf-8")):
        assert (PAGE.parent / target).exists(), target
