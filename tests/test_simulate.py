"""A slice of `tools/simulate.py`, which goes on to ten thousand trials of each protocol."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools" / "simulate.py"


def test_it_counts_trials_and_those_that_fail() -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--seeds", "5", "--first", "300", "--protocols", "pbft"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("pbft: 5 trials, 0 failed, ")
