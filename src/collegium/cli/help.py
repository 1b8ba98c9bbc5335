"""Help: a group's commands under headings, a whole line for each, and an example of every command.

Nothing is wider than 80 columns, and no line is cut short.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from collegium.cli.output import MISUSE

Headings = Mapping[str, tuple[str, ...]]


def example(*lines: str) -> str:
    """Return the end of a command's help, which shows how it is called."""
    return "\b\n" + "\n".join(["Example:", *(f"  $ {line}" for line in lines)])


class Grouped(click.Group):
    """A group that lists its commands under headings, and shows its help if none is named."""

    def __init__(self, *args: Any, headings: Headings, **more: Any) -> None:
        super().__init__(*args, **more)
        self.headings = headings

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line; without a command there is nothing to do, which is misuse."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(MISUSE)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their headings."""
        return [name for names in self.headings.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, in columns that all headings share."""
        width = max(map(len, self.commands))
        for heading, names in self.headings.items():
            about = [(name, self.commands[name].get_short_help_str(limit=200)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in about])
