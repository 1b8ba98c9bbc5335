"""Calling the installed command line as a user does: as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLLEGIUM = str(Path(sysconfig.get_path("scripts")) / "collegium")
"""The script that installing the package made."""

QUICK = ("--set", "training.rounds=2", "--set", "evaluation.bootstrap=0")
"""Arguments that make any study a short one."""

Done = subprocess.CompletedProcess[str]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with one thread unless told otherwise."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **more}


def collegium(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """What a command came to: status, standard output, standard error."""
    return subprocess.run(
        [COLLEGIUM, *map(str, arguments)],
        cwd=cwd,
        env={**environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def told(done: Done, status: int = 0) -> Any:
    """The one JSON value that a command printed, after checking how it ended."""
    assert done.returncode == status, done.stderr
    assert done.stdout.endswith("\n")
    assert done.stdout.count("\n") == 1, "exactly one line on standard output"
    return json.loads(done.stdout)


def diagnosis(done: Done, status: int = 2) -> tuple[str, str, str, str]:
    """Code, what, why and what to do, as a failed command said them in exactly three lines."""
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    what, why, todo = done.stderr.splitlines()
    assert what.startswith("error: ")
    assert what.endswith("]")
    assert why.startswith("  why: ")
    assert todo.startswith("  do:  ")
    what, _, code = what.removeprefix("error: ").removesuffix("]").rpartition(" [")
    found = (what, why.removeprefix("  why: "), todo.removeprefix("  do:  "))
    assert all(found), "what, why and do each say something"
    return code, *found
