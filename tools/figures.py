"""Figures in the documentation, with the commands that make them.

A table stands between two comments, of which the first has the commands, one a line:

    <!-- figures
    python -m benchmarks.datasets measure heart
    -->
    | preset | rows | … |
    |---|---|---|
    | `heart` | test part (34 %) | … |
    <!-- /figures -->

A command prints rows of the table, with or without its heading. A row is known by the cells before
its first figure: it takes the place of the row
that has the same ones. What a page has no row for is left out of it.

    python tools/figures.py                      list the commands, by page
    python tools/figures.py measure brca         rerun those that have all these words, and rewrite
    python tools/figures.py --check accuracy     rerun them, and end with 1 where a figure differs
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"(<!-- figures\n(.*?)-->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
RULE = re.compile(r"\|[-|: ]+\|")
FIGURE = re.compile(r"[+−]?\.?\d")


def commands(page: str) -> list[str]:
    """Return the commands of a page's tables, in order."""
    return [line for block in BLOCK.finditer(page) for line in block[2].splitlines() if line]


def rows_of(printed: str) -> list[str]:
    """Return the rows of a table that was printed, without its heading."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    rules = [place for place, line in enumerate(lines) if RULE.fullmatch(line)]
    return lines[rules[0] + 1 :] if rules else lines


def replaced(table: str, rows: Sequence[str]) -> str:
    """Return a table with these rows in the place of those that begin alike.

    Raises:
        ValueError: none does.
    """
    lines = table.splitlines()
    places = {_key(line): place for place, line in enumerate(lines)}
    for row in rows:
        if _key(row) in places:
            lines[places[_key(row)]] = row
    if not places.keys() & {_key(row) for row in rows}:
        raise ValueError(f"no row of the table is of {rows}")
    return "\n".join(lines) + "\n"


def _key(row: str) -> tuple[str, ...]:
    first, *rest = (cell.strip() for cell in row.strip("|").split("|"))
    return first, *takewhile(lambda cell: not FIGURE.match(cell), rest)


def rewritten(page: str, words: Sequence[str]) -> str:
    """Return a page with the figures of the commands that have all these words."""

    def renew(block: re.Match[str]) -> str:
        table = block[3]
        for command in block[2].splitlines():
            if command and all(word in command for word in words):
                table = replaced(table, rows_of(outcome(command)))
        return block[1] + table + block[4]

    return BLOCK.sub(renew, page)


def outcome(command: str) -> str:
    """Return what a command prints, run from the repository's folder.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    print(command, file=sys.stderr)
    program, *rest = shlex.split(command)
    asked = [sys.executable if program == "python" else program, *rest]
    done = subprocess.run(asked, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return done.stdout


def differing(words: Sequence[str], *, write: bool) -> Iterator[Path]:
    """Yield the pages whose figures are other ones now, and rewrite them if asked to."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        if any(all(word in command for word in words) for command in commands(page)):
            now = rewritten(page, words)
            if now != page:
                yield path
                if write:
                    path.write_text(now, encoding="utf-8")


def main() -> int:
    """List, rerun or check commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="rerun the commands that have all these words")
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where they differ")
    asked = parser.parse_args()
    if not asked.words:
        for path in PAGES:
            for command in commands(path.read_text(encoding="utf-8")):
                print(f"{path.relative_to(ROOT)}: {command}")
        return 0
    found = [*differing(asked.words, write=not asked.check)]
    for path in found:
        print(
            f"{path.relative_to(ROOT)}: figures differ" if asked.check else path.relative_to(ROOT)
        )
    return int(asked.check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
