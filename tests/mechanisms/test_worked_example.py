"""The worked example of docs/mechanisms.md is a mechanism: it runs, verifies, and is shown.

It has a phase before the one of commitments, and a part of the vote that repeats what was said
there. Its files are taken from the page, and installed as a package that has an entry point.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mechanism_package.installed import ROOT

PAGE = ROOT / "docs" / "mechanisms.md"
CHANGES = ("mechanisms.roll_call.fewest=3", "training.rounds=1", "evaluation.bootstrap=0")
ASKED = tuple(word for one in CHANGES for word in ("--set", one))
TELLS = 'Words(words=tuple(sorted(found.attempt.said["words"].values())))'
DIFFERS = '    differs={Words: lambda where: Finding("roll.words", "error", where)},\n'
RUNS = "from collegium.cli.entry import main; main()"


def _install(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """Write the page's files below a folder, as an installer would, some of their text changed."""
    about = folder / "roll_call-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: roll-call\nVersion: 1.0\n")
    points = re.findall(
        r"```toml\n\[project\.entry-points\.\"(.+)\"\]\n(\w+) = \"(\w+)\"", PAGE.read_text()
    )
    [(group, name, target)] = points
    (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    (folder / "roll_call").mkdir()
    files = re.findall(r"```python\n# (roll_call/\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(files) == 8
    left = dict(changes or {})
    for path, text in files:
        for old in [old for old in left if old in text]:
            text = text.replace(old, left.pop(old))
        (folder / path).write_text(text)
    assert not left, "the page no longer says what the test changes"
    return folder


def _call(package: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(package), *([before] if before else [])])
    return subprocess.run(
        [sys.executable, "-c", RUNS, *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _install(tmp_path_factory.mktemp("package"))


def test_what_it_gathers_is_verified_and_shown(package: Path, tmp_path: Path) -> None:
    ran = _call(package, tmp_path, "run", "heart", *ASKED, "--out", "run")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(_call(package, tmp_path, "verify", "run", "--json").stdout)
    assert found["ok"]
    assert found["checked"]["roll calls"] == 1
    assert [one["words"] for one in found["told"]["rolls"]] == [["collegium"] * 4]
    assert "Software of the participants" in (tmp_path / "run" / "report.html").read_text()


def test_it_is_listed_and_says_what_it_sends(package: Path, tmp_path: Path) -> None:
    listed = json.loads(_call(package, tmp_path, "list", "mechanisms", "--json").stdout)
    assert "roll_call@1" in {one["module"] for one in listed}
    sent = _call(package, tmp_path, "check", "heart", *ASKED, "--outbound").stdout
    assert "\nroll call\n" in sent


def test_other_words_in_a_vote_are_refused_and_are_an_error_where_they_were_let_through(
    package: Path, tmp_path: Path
) -> None:
    careless = {"    counts=counts,\n": ""}
    lying = _install(tmp_path / "lying", {**careless, TELLS: 'Words(words=("other",))'})
    lenient = _install(tmp_path / "lenient", careless)
    assert _call(lying, tmp_path, "run", "heart", *ASKED, "--out", "run").returncode == 0
    strict = _call(package, tmp_path, "verify", "run").stdout
    assert strict.startswith("NOT VERIFIED")
    assert "refused: the words are not those of the roll call" in strict
    told = _call(lenient, tmp_path, "verify", "run").stdout
    assert told.startswith("NOT VERIFIED")
    assert "a vote repeats other words than were said in the roll call" in told
    without = {**careless, DIFFERS: ""}
    told = _call(_install(tmp_path / "wordless", without), tmp_path, "verify", "run").stdout
    assert "recomputing gives another part of roll_call than was voted" in told


def test_who_said_nothing_cannot_speak_next_and_others_go_on(package: Path, tmp_path: Path) -> None:
    quiet = "def call(speaker, view):\n"
    silent = quiet + '    if speaker.identity.member == "cleveland":\n        return []\n'
    silenced = _install(tmp_path / "silenced", {quiet: silent})
    assert _call(silenced, tmp_path, "run", "heart", *ASKED, "--out", "run").returncode == 0
    found = json.loads(_call(package, tmp_path, "verify", "run", "--json").stdout)
    assert found["ok"]
    assert [len(one["words"]) for one in found["told"]["rolls"]] == [3]
    (fault,) = (one for one in found["findings"] if one["severity"] == "fault")
    assert fault["code"] == "site.silent"
    assert fault["parameters"]["phase"] == "roll"
    assert fault["what"] == "cleveland said nothing in the phase roll, so committed no update"
