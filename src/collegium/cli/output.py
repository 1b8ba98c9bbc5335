"""How the command line speaks: one JSON object or a few lines; errors in three; no traceback."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click
import msgspec

from collegium.cli.completing import changes
from collegium.errors import CollegiumError
from collegium.visible import visible_json, visible_lines

FAILED, MISUSE, INTERRUPTED = 1, 2, 130

ERASE = "\r\x1b[K"
"""What empties the line of a terminal that the cursor is in."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
SET = click.option(
    "--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a key of the study.",
    shell_complete=changes,
)  # fmt: skip


def say(text: str = "") -> None:
    """Print a line for the reader."""
    _print(visible_lines(text))


def warn(text: str) -> None:
    """Print a line that must not mix with results, nor with the one that shows progress."""
    erase = ERASE if sys.stderr.isatty() else ""
    click.echo(f"{erase}note: {visible_lines(text)}", err=True)


def say_json(value: Any) -> None:
    """Print one JSON value on a line of its own."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a file's name need not be text
        text = json.dumps(msgspec.to_builtins(value))
    _print(visible_json(text))


def _print(text: str) -> None:
    """Print for whoever listens; a reader who has gone changes no exit status."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(error: CollegiumError, *, as_json: bool) -> None:
    """Print an error: on standard error for people, and as an object where JSON was asked for."""
    if as_json:
        say_json({"error": error.code, "what": error.what, "why": error.why, "do": error.todo})
    click.echo(visible_lines(error.diagnostics()), err=True)
