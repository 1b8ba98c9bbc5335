"""``collegium completion``: what a shell runs to complete commands, presets, parts and files."""

from __future__ import annotations

import sys
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from collegium.cli.help import example
from collegium.cli.output import say_json

VARIABLE = "_COLLEGIUM_COMPLETE"
"""How a shell says that it asks for completions; click reads it where a command line begins."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@add_completion_class
class KeysInBash(BashComplete):
    """Bash breaks words at ``=``, and must put no space behind ``training.rounds=``."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        "COMPREPLY+=($value)\n            [[ $value == *= ]] && compopt -o nospace",
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor and the one at it, whole again."""
        before, typed = super().get_completion_args()
        words: list[str] = []
        for word in (*before, typed):
            if words and (word == "=" or words[-1].endswith("=")) and not words[-1].startswith("-"):
                words[-1] += word
            else:
                words.append(word)
        self._kept = words[-1].rpartition("=")[0]
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return what is put in the place of the word that bash sees."""
        return f"{item.type},{item.value.removeprefix(f'{self._kept}=')}"


@add_completion_class
class KeysInZsh(ZshComplete):
    """Zsh must put no space behind ``training.rounds=``."""

    source_template = ZshComplete.source_template.replace(
        'completions+=("$key")\n',
        'if [[ "$key" == *= ]]; then compadd -U -S "" -- "$key"; '
        'else completions+=("$key"); fi\n',
    )  # fmt: skip


@click.command(epilog=example('eval "$(collegium completion bash)"'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@JSON
def completion(shell: str, as_json: bool) -> None:
    """Print what makes a shell complete commands, presets and files.

    Put the example's line into ~/.bashrc, or the same with zsh into ~/.zshrc. For fish, write the
    output to ~/.config/fish/completions/collegium.fish.
    """
    from collegium.cli.commands import program

    script = get_completion_class(shell)
    assert script is not None  # noqa: S101
    text = script(program, {}, "collegium", VARIABLE).source()
    if as_json:
        say_json({"shell": shell, "script": text})
    else:
        sys.stdout.write(text)
