"""Help: every command under a heading, in a whole line, with an example that can be called."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.cli.conftest import Call

from collegium.cli.commands import program
from collegium.cli.help import Grouped
from collegium.plugins import names
from collegium.study.presets import preset_names


def commands(
    group: click.Group = program, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group of commands, by the words that call it."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands())


@pytest.mark.parametrize("path", [path for path, one in ALL.items() if isinstance(one, Grouped)])
def test_a_group_lists_each_of_its_commands_once_and_in_a_whole_line(
    call: Call, path: tuple[str, ...]
) -> None:
    group = ALL[path]
    assert isinstance(group, Grouped)
    listed = [name for one in group.headings.values() for name in one]
    assert sorted(listed) == sorted(group.commands)
    lines = call(*path, "--help").stdout.splitlines()
    for heading, below in group.headings.items():
        at = lines.index(f"{heading}:")
        told = [line.split(maxsplit=1) for line in lines[at + 1 : at + 1 + len(below)]]
        assert [name for name, _ in told] == list(below)
        assert all(about.endswith(".") and "..." not in about for _, about in told)


@pytest.mark.parametrize("path", ALL)
def test_help_has_80_columns_and_ends_with_an_example(call: Call, path: tuple[str, ...]) -> None:
    done = call(*path, "--help")
    assert max(map(len, done.stdout.splitlines())) <= 80
    _, found, examples = done.stdout.partition("\n  Example:\n")
    assert found
    for line in examples.splitlines():
        assert line.startswith("    $ "), line


def examples(command: click.Command) -> list[list[str]]:
    """The words of a command's examples, as a shell would pass them."""
    text = (command.epilog or "").replace('eval "$(', "").replace(')"', "")
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("$ ")]
    return [shlex.split(line.removeprefix("$ ").partition(" > ")[0]) for line in lines]


@pytest.mark.parametrize("path", ALL)
def test_an_example_is_a_command_line_that_is_understood(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("va.csr", "genesis.json", "heart"):  # what must be there to be named
        (tmp_path / name).touch()
    for line in examples(ALL[path]):
        assert line[: len(path) + 1] == ["collegium", *path]
        words, context = line[1:], program.make_context("collegium", line[1:])
        command: click.Command = program
        while isinstance(command, click.Group):
            word = words.pop(0)
            command = command.commands[word]
            context = command.make_context(word, list(words), parent=context)
        study = context.params.get("study")
        assert study in (None, "my_study.toml", *preset_names())
        if path == ("fetch",):
            assert context.params["name"] in (*names("datasets"), *names("collections"))
