"""Another package brings a mechanism, and the contract's kernel needs no edit for it.

The package is tests/mechanism_package, and tests/mechanism_package/walk.py says what must hold. It
runs in a process of its own, since a process looks for installed packages once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.mechanism_package.installed import ROOT, path_with

PACKAGE = ROOT / "tests" / "mechanism_package"


def test_a_round_walks_through_a_mechanism_of_another_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    path = path_with(tmp_path, "their_mechanism", "receipts")
    ran = subprocess.run(
        [*command, str(PACKAGE / "walk.py")], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_source_of_ours_knows_of_it() -> None:
    sources = sorted((ROOT / "src").rglob("*.py"))
    assert sources
    assert [path for path in sources if "receipt.post" in path.read_text()] == []
