"""The ledger names no mechanism: whoever adds or takes one out edits nothing in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from collegium.plugins import BUILT_IN

LEDGER = Path(__file__).resolve().parents[2] / "src" / "collegium" / "ledger"
FILES = {path.relative_to(LEDGER).as_posix(): path for path in sorted(LEDGER.rglob("*.py"))}
MECHANISMS = frozenset(BUILT_IN["mechanisms"])

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("contract/series.py", "statistics"): "its numbers tell apart the series that there are",
    ("engines/simnet/figures.py", "scores"): "a run's figure of that name",
    ("engines/simnet/ordering.py", "scores"): "likewise",
    ("genesis.py", "plain"): "an example in a message: `plain@1` is the form of a module",
    ("hpke.py", "plain"): "a plain text is what is encrypted",
    ("state.py", "plain"): "a part of the state that is frozen or plain",
    ("tiles.py", "groups"): "of three digits, of which a tile's path is made",
}
"""Files and names in them that stand there today, each with the reason. The list only shrinks."""

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def words(text: str) -> list[str]:
    """Return the words of an identifier or of a text, in small letters."""
    return [word.lower() for word in CAMEL.split(text) if word]


def said(tree: ast.AST) -> Iterator[str]:
    """Yield identifiers and strings of a file, but for what its docstrings say."""
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings of modules, classes, functions and attributes
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                yield name
            case ast.ImportFrom(module=str(name)) if name != "statistics":  # Python's own
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield text


def named(source: str) -> set[str]:
    """Return which mechanisms a file names."""
    found = set()
    for text in said(ast.parse(source)):
        spoken = words(text)
        for name in MECHANISMS:
            parts = name.split("_")
            places = range(len(spoken) - len(parts) + 1)
            if any(spoken[place : place + len(parts)] == parts for place in places):
                found.add(name)
    return found


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_the_ledger_names_no_mechanism(file: str) -> None:
    excepted = {name for path, name in EXCEPTIONS if path == file}
    assert named(FILES[file].read_text()) == excepted


def test_exceptions_are_of_files_that_there_are() -> None:
    assert {path for path, _ in EXCEPTIONS} <= set(FILES)
    assert all(EXCEPTIONS.values())


@pytest.mark.parametrize(
    "line",
    [
        "import collegium.mechanisms.secagg",
        "from collegium.mechanisms import scores",
        "SECAGG = 1",
        "record.privacy_terms",
        'design == "threshold_he@1"',
        'f"{name} has no groups"',
        "class SecaggPlusTerms: pass",
        "def open_sums(): pass",
        "replace(record, compression=1)",
    ],
)
def test_a_name_is_found_wherever_code_has_it(line: str) -> None:
    assert named(line)


@pytest.mark.parametrize("line", ["# secagg", '"""Scores."""', "regrouped = explained = 1"])
def test_prose_and_other_words_name_nothing(line: str) -> None:
    assert not named(line)


def test_mechanisms_are_those_that_are_built_in() -> None:
    assert {"plain", "secagg", "threshold_he", "scores", "statistics"} <= MECHANISMS
