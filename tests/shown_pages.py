"""What a page shows, run as its reader would.

Commands are the lines that begin with "$ " in blocks marked sh or console; blocks marked python are
programs; a block of text with a title is a file.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.commands import COLLEGIUM, environment

BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to be run: a language, and its text."""

    language: str
    text: str


def shown(page: str) -> list[Shown]:
    """Everything that a page shows to be run, in order."""
    found = []
    for language, _, block in BLOCK.findall(page):
        if language in ("sh", "console"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [Shown("sh", line[2:]) for line in lines if line.startswith("$ ")]
        elif language == "python":
            found.append(Shown("python", block))
    return found


def files(page: str) -> dict[str, str]:
    """The files that a page shows, by name."""
    return {
        title.group(1): text
        for _, more, text in BLOCK.findall(page)
        if (title := TITLE.search(more)) is not None
    }


def run(step: Shown, folder: Path) -> str:
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
    return done.stdout
