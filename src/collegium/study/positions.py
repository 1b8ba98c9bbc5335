"""On which line of a TOML text each key is: tomllib keeps no positions, and errors need them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from collegium.study.refusal import DocumentPath, Refusal, dotted

DEPTH_LIMIT = 16
"""Most parts of a dotted key, and most lists and tables within each other.

No section needs more than four. tomllib recurses on nesting and takes quadratic time on dotted
keys, so this is checked before it sees a text.
"""

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r]+|\#[^\n]*)
    | (?P<newline>\n)
    | (?P<long>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5})
    | (?P<broken_long>\"{3}|'{3})
    | (?P<string>"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    | (?P<broken>["'])
    | (?P<word>[A-Za-z0-9_+:-]+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SourcePositions:
    """Where the values of a document come from: a file's lines, and changes asked beside it.

    Attributes:
        origin: the file's name, or what stands for it.
        lines: the first line of each key, counted from 1.
        changed: paths that a change has set; they are named instead of the file.
    """

    origin: str
    lines: Mapping[DocumentPath, int]
    changed: tuple[DocumentPath, ...] = ()

    def of(self, path: DocumentPath) -> str:
        """Return the place of a path, or of the nearest table around it that is written."""
        for change in self.changed:
            if path[: len(change)] == change:
                return f"--set {dotted(change)}"
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return f"{self.origin}:{line}"
        return self.origin


@dataclass(slots=True)
class _Open:
    """A list or inline table that is being read; `index` counts a list's items."""

    path: DocumentPath
    is_list: bool
    index: int = 0


def key_lines(text: str) -> dict[DocumentPath, int]:
    """Return the line of every section, key and list item of a TOML text, counted from 1.

    The text need not be valid: up to its first mistake the lines are right, and that is as far
    as a parser reads. Time is linear in the text.

    Raises:
        Refusal: keys or values lie deeper than `DEPTH_LIMIT`.
    """
    lines: dict[DocumentPath, int] = {}
    section: DocumentPath = ()
    key: list[str] = []
    opened: list[_Open] = []
    here: DocumentPath = ()
    in_key, in_header, after_dot = True, False, False
    line = 1
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup, token.group()
        if kind in ("broken", "broken_long"):
            break
        if kind == "newline" and not opened:
            key, in_key, in_header = [], True, False
        elif in_key and kind in ("word", "string"):
            if key and not after_dot:
                break  # two words side by side are no key: here a parser stops as well
            key.append(word if kind == "word" else _unquoted(word))
            after_dot = False
            if len(key) > DEPTH_LIMIT:
                raise _too_deep(line)
        elif in_key and word == ".":
            after_dot = True
        elif in_key and word == "[" and not opened and not key:
            in_header = True
        elif in_header and word == "]" and key:
            section = tuple(key)
            _note(lines, (), key, line)
            key, in_key = [], False
        elif in_key and word == "=":
            base = opened[-1].path if opened else section
            _note(lines, base, key, line)
            here = base + tuple(key)
            key, in_key = [], False
        elif not in_key and not in_header and kind in ("word", "string", "long", "mark"):
            around = opened[-1] if opened else None
            if around is not None and around.is_list and word not in ("]", ","):
                here = (*around.path, around.index)
                lines.setdefault(here, line)
            if word in ("[", "{"):
                opened.append(_Open(here, is_list=word == "["))
                in_key = word == "{"
                if len(opened) > DEPTH_LIMIT:
                    raise _too_deep(line)
            elif word in ("]", "}") and around is not None:
                opened.pop()
            elif word == "," and around is not None:
                around.index += 1
                in_key = not around.is_list
        elif in_key and word == "}" and opened:
            opened.pop()
            key, in_key = [], False
        line += word.count("\n")
    return lines


def _note(lines: dict[DocumentPath, int], base: DocumentPath, key: list[str], line: int) -> None:
    for length in range(1, len(key) + 1):
        lines.setdefault(base + tuple(key[:length]), line)


def _unquoted(token: str) -> str:
    try:
        return str(tomllib.loads(f"key = {token}")["key"])
    except tomllib.TOMLDecodeError:
        return token


def _too_deep(line: int) -> Refusal:
    return Refusal(
        (),
        "study.too-deep",
        f"line {line} nests keys or values too deeply",
        f"more than {DEPTH_LIMIT} levels; a study document needs four",
        "write the document with [section] headers and plain values",
    )
