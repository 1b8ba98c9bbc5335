"""What every command shares: help that is true, misuse in three lines, pipes that may break."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import COLLEGIUM, QUICK, collegium, diagnosis, environment, told

import collegium as package
from collegium.cli.commands import program

GROUPS = {
    name: group.list_commands(click.Context(group))
    for name, group in program.commands.items()
    if isinstance(group, click.Group)
}
COMMANDS = set(program.commands) - set(GROUPS)
ENDLESS = {"node start", "sequencer start"}
"""What runs until it is stopped, and prints no result."""

ANY_NUMBER = {"compare", "sequencer found"}
"""What takes any number of arguments."""

CALLED = sorted(COMMANDS | {f"{group} {name}" for group, names in GROUPS.items() for name in names})


def without_a_reader(folder: Path, *arguments: str) -> tuple[int, str]:
    """Status and complaints of a command whose standard output nobody reads."""
    process = subprocess.Popen(
        [COLLEGIUM, *arguments], cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("command", CALLED)
def test_every_command_explains_itself_and_speaks_json(call: Call, command: str) -> None:
    done = call(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: collegium {command} ")
    assert ("--json" in done.stdout) == (command not in ENDLESS)
    short = call(*command.split(), "-h")
    assert (short.returncode, short.stdout, short.stderr) == (0, done.stdout, "")


def test_the_version_is_the_packages(call: Call) -> None:
    assert call("--version").stdout.split()[-1] == package.__version__


def test_without_a_command_help_is_shown_as_for_misuse(call: Call) -> None:
    for group in ([], *([name] for name in GROUPS)):
        done = call(*group)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == call(*group, "--help").stdout


@pytest.mark.parametrize("command", CALLED)
def test_misuse_is_told_in_three_lines_with_the_way_to_help(call: Call, command: str) -> None:
    tried = [["--frobnicate"], ["a", "b", "c", "d"]]
    for arguments in tried[:1] if command in ANY_NUMBER else tried:
        done = call(*command.split(), *arguments)
        code, _, _, todo = diagnosis(done)
        assert code == "command.usage"
        assert todo == f"see `collegium {command} --help`"
        assert done.stdout == ""
        found = told(call(*command.split(), *arguments, "--json"), status=2)
        assert set(found) == {"error", "what", "why", "do"}
        assert found["error"] == "command.usage"


def test_a_command_that_is_none_is_told(call: Call) -> None:
    code, what, _, _ = diagnosis(call("bensh"))
    assert code == "command.usage"
    assert "bensh" in what


def test_the_installed_program_says_the_same(call: Call, tmp_path: Path) -> None:
    for arguments in (["run"], ["run", "nowhere"], ["verify", "nowhere"], ["list", "x"]):
        ours, theirs = call(*arguments), collegium(*arguments, cwd=tmp_path)
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            theirs.returncode, theirs.stdout, theirs.stderr,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["check", "heart"], 0), (["verify", "{run}"], 0), (["verify", "{spoiled}"], 1)],
)
def test_a_reader_that_goes_away_changes_no_status(
    finished: Finished, tmp_path: Path, arguments: list[str], wanted: int
) -> None:
    spoiled = shutil.copytree(finished.folder, tmp_path / "spoiled")
    sorted((spoiled / "blobs").iterdir())[0].write_bytes(b"something else")
    places = {"{run}": str(finished.folder), "{spoiled}": str(spoiled)}
    status, said = without_a_reader(tmp_path, *(places.get(one, one) for one in arguments))
    assert (status, said) == (wanted, "")


def test_what_the_reader_went_away_from_is_finished(tmp_path: Path) -> None:
    status, said = without_a_reader(tmp_path, "run", "heart", *QUICK, "--out", "run")
    assert (status, said) == (0, "")
    assert collegium("verify", "run", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        "verify RUN --policy GONE", "verify RUN --genesis GONE", "network status GONE",
        "audit fork GONE --policy GONE", "audit promise GONE", "audit block GONE RUN",
        "audit censorship GONE", "audit check GONE --policy GONE", "audit receipt GONE 0",
        "audit entries GONE", "audit policy GONE", "compare GONE", "predict GONE GONE",
        "report GONE", "check GONE/study.toml", "check heart --out GONE/a/b", "node check GONE",
        "node status GONE", "node start GONE", "node request GONE", "node vote GONE 1",
        "sequencer start GONE", "sequencer status GONE", "sequencer certify GONE",
        "run heart --out FILE/x", "report FILE", "network up heart --out FILE/x",
        "fetch uci_heart --out FILE/x",
    ],
)  # fmt: skip
def test_nobody_is_shown_the_number_of_an_error(call: Call, tmp_path: Path, words: str) -> None:
    (tmp_path / "FILE").write_text("")
    (tmp_path / "RUN").mkdir()
    done = call(*words.split())
    assert done.returncode in (1, 2), done.stdout
    assert "error: " in done.stderr
    assert "Errno" not in done.stdout + done.stderr
