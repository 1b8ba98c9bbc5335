"""Another package brings a mechanism, and the contract's kernel needs no edit for it.

The package is tests/mechanism_package, and tests/mechanism_package/walk.py says what must hold. It
runs in a process of its own, since a process looks for installed packages once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "tests" / "mechanism_package"
METADATA = "Metadata-Version: 2.1\nName: their-mechanism\nVersion: 1.0\n"
ENTRY_POINTS = "[collegium.mechanisms]\nreceipts = tests.mechanism_package.their_mechanism\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that says of the package what an installer does."""
    about = tmp_path / "their_mechanism-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def test_a_round_walks_through_a_mechanism_of_another_package(installed: Path) -> None:
    paths = [str(installed), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, str(PACKAGE / "walk.py")], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_source_of_ours_knows_of_it() -> None:
    sources = sorted((ROOT / "src").rglob("*.py"))
    assert sources
    assert [path for path in sources if "receipt.post" in path.read_text()] == []
