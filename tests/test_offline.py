"""Nothing asks the network: what a user does works where every socket is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import QUICK, Done, collegium

REFUSING = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"the network was asked for: {event}")

sys.addaudithook(refuse)
"""


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Variables under which every Python process refuses every socket."""
    (tmp_path / "refusing").mkdir()
    (tmp_path / "refusing" / "sitecustomize.py").write_text(REFUSING)
    paths = [str(tmp_path / "refusing"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def test_a_socket_is_refused_there(offline: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"],
        env={**os.environ, **offline}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the network was asked for" in done.stderr


def test_a_study_is_run_verified_reported_and_its_model_released(
    offline: dict[str, str], tmp_path: Path
) -> None:
    def call(*arguments: str) -> Done:
        return collegium(*arguments, cwd=tmp_path, env=offline)

    for arguments in (
        ("check", "heart", "--outbound"),
        ("list", "data"),
        ("run", "heart", *QUICK, "--out", "run"),
        ("verify", "run", "--policy", "run/policy.json"),
        ("report", "run"),
    ):
        done = call(*arguments)
        assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_the_demonstration_plays(offline: dict[str, str], tmp_path: Path) -> None:
    done = collegium("demo", "--out", "demo", cwd=tmp_path, env=offline)
    assert done.returncode == 0, done.stderr
