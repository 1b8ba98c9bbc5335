"""The way in: every error that a user can cause ends in three lines and an exit status.

0: done, and what was checked holds. 1: a check or a study failed, or a run did not get to its end.
2: misuse.
"""

from __future__ import annotations

import io
import os
import sys

import click

from collegium.cli.commands import program
from collegium.cli.output import FAILED, INTERRUPTED, MISUSE, fail
from collegium.errors import CollegiumError

FAILURES = {
    "encoding.non-finite", "network.died", "network.differ", "network.halted",
    "network.not-ready", "network.refused", "node.not-running", "run.stuck", "run.worker",
}  # fmt: skip
"""Codes of errors that are no misuse: the study was asked for rightly and came to nothing."""


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show must not stop us
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(_status(as_json="--json" in sys.argv))
    except BrokenPipeError:
        # Nobody listens any more; the interpreter must not complain of that when it ends.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(FAILED)


def _status(*, as_json: bool) -> int:
    """Return the exit status of the command that was given."""
    try:
        status = program.main(prog_name="collegium", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except CollegiumError as error:
        fail(error, as_json=as_json)
        return FAILED if error.code in FAILURES else MISUSE
    except click.ClickException as error:
        fail(_misuse(error), as_json=as_json)
        return MISUSE
    except (click.Abort, KeyboardInterrupt):
        resumable = "; the run goes on with --resume" if sys.argv[1:2] == ["run"] else ""
        click.echo(f"stopped{resumable}", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(_refused(error), as_json=as_json)
        return FAILED


def _misuse(error: click.ClickException) -> CollegiumError:
    """Return what click says of a command line, in our three lines."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    asked = " ".join(["collegium", *(word for word in sys.argv[1:2] if word in program.commands)])
    command = asked if context is None else context.command_path
    usage = "" if context is None else " ".join(context.get_usage().split()[1:])
    what = " ".join(error.format_message().split()).rstrip(".")
    why = f"it is used as: {usage}" if usage else "the command line cannot be understood"
    what = what[:1].lower() + what[1:]
    return CollegiumError("command.usage", what, why, f"see `{command} --help`")


def _refused(error: OSError) -> CollegiumError:
    """Return what the operating system says, in our three lines."""
    place = "" if error.filename is None else f": {error.filename}"
    return CollegiumError(
        "system.refused", "the operating system refuses what this needs",
        f"{error.strerror or error}{place}",
        "make room or give access; a run that was interrupted goes on with --resume",
    )  # fmt: skip
