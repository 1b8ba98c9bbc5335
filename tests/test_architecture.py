"""The shape of the repository: which room imports which, how files are named, how long they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 600
LONGER_FILES: dict[str, str] = {}
"""Files that may be longer than that, by path from the root, each with the reason."""

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

OF_ONE_MACHINE = re.compile(r"(?<![\w.~/-])/(?:work|root|home/\w+|Users/\w+)/")
"""An absolute path that is right on its author's machine alone."""

TRAINING = ("collegium.learning.dense", "jax", "sklearn", "torch")

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

IMPORT_WITHOUT = """
import importlib, pkgutil, sys

blocked = sys.argv[2:]

class Absent:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in blocked):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Absent())
room = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
    importlib.import_module(module.name)
"""


def files(*folders: str) -> list[Path]:
    """Text files of ours: those below the named folders, or at the top for "."."""
    found = [
        path
        for folder in folders
        for path in (ROOT.glob("*") if folder == "." else (ROOT / folder).rglob("*"))
        if path.is_file() and path.name != ".git" and "__pycache__" not in path.parts
    ]
    return sorted(path for path in found if b"\0" not in path.read_bytes())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def import_without(room: str, *absent: str) -> subprocess.CompletedProcess[str]:
    """Import every module of a room where some packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT, room, *absent],
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_one_way() -> None:
    linted = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.skipif(
    not (ROOT / "src/collegium/audit/__init__.py").exists(), reason="there is no audit yet"
)
def test_an_auditor_installs_no_training_library() -> None:
    audit = import_without("collegium.audit", *TRAINING)
    assert audit.returncode == 0, audit.stderr


def test_an_import_of_an_absent_library_is_noticed() -> None:
    study = import_without("collegium.study", "msgspec")
    assert "msgspec is not installed here" in study.stderr


def test_nothing_is_called_by_a_word_that_says_nothing() -> None:
    vague = [
        name(path)
        for path in files("src", "tests", "examples", "benchmarks")
        if VAGUE_NAMES & {re.sub(r"^test_", "", Path(part).stem) for part in Path(name(path)).parts}
    ]
    assert vague == []


def test_a_file_is_one_concept_and_short() -> None:
    lengths = {
        name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in files("src")
        if path.suffix == ".py"
    }
    assert [
        f"{path}: {lines} lines"
        for path, lines in lengths.items()
        if lines > LONGEST_FILE and path not in LONGER_FILES
    ] == []
    # An exception goes when its file has become short again.
    assert [path for path in LONGER_FILES if lengths.get(path, 0) <= LONGEST_FILE] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    places = files(".", ".ci", "benchmarks", "docs", "examples", "requirements", "src", "tests")
    named = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in places
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if OF_ONE_MACHINE.search(line)
    ]
    assert named == []


@pytest.mark.parametrize("pins", ["run.txt", "dev.txt"])
def test_every_pin_has_hashes_and_comes_from_no_particular_place(pins: str) -> None:
    text = (ROOT / "requirements" / pins).read_text(encoding="utf-8")
    requirements = re.sub(r"\s*#.*", "", text).replace("\\\n", " ").split("\n")
    stated = [line for line in requirements if line.strip()]
    assert stated
    for line in stated:
        assert re.match(r"[\w.-]+==[\w.]+ ", line), line
        assert "--hash=sha256:" in line, line
    assert not re.search(r"://|--(?:index|extra-index|find-links)|file:", text)
