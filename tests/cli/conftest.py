"""What the tests of the command line share: one finished run, and a way to call in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.commands import QUICK, Done, collegium, told

from collegium.cli import main


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: its folder, and what ``run --json`` printed."""

    folder: Path
    told: dict[str, Any]
    done: Done


Call = Callable[..., Done]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two rounds of `heart`, run by the installed program; nobody may write to the folder."""
    folder = tmp_path_factory.mktemp("finished")
    done = collegium("run", "heart", *QUICK, "--out", "run", "--json", cwd=folder)
    return Finished(folder / "run", told(done), done)


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Call the command line in this process, in an empty folder: the same, and faster.

    Nothing is downloaded for a test: what would be goes through a proxy that is not there.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def call_main(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["collegium", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(sys.argv, code, out, err)

    return call_main
