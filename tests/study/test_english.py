"""Notices are values: every code has a text, made of its parameters in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from collegium.study.english import TEXTS
from collegium.study.notice import Notice
from collegium.study.reading import read_study

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "collegium"
CODES = {key.partition(":")[0] for key in TEXTS}


def made() -> Iterator[tuple[str, str, list[ast.expr]]]:
    """Where each notice is made, its code, and the values of its parameters."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        if "Notice(" not in text:
            continue
        for function in ast.walk(ast.parse(text)):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "Notice":
                    code = node.args[1]
                    assert isinstance(code, ast.Constant), path
                    values = [one for given in node.args[2:] for one in told_by(function, given)]
                    yield f"{path.name}:{node.lineno}", str(code.value), values


def told_by(function: ast.FunctionDef, given: ast.expr) -> Iterator[ast.expr]:
    """The values in a dict, or in every dict that a function gives a name."""
    if isinstance(given, ast.Dict):
        yield from given.values
    elif isinstance(given, ast.Name):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = any(isinstance(one, ast.Name) and one.id == given.id for one in targets)
                if named and node.value is not None:
                    for inner in ast.walk(node.value):
                        if isinstance(inner, ast.Dict):
                            yield from inner.values


def test_every_code_of_a_notice_has_a_text_and_a_row_in_the_docs() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8").split("\n## ")
    (table,) = [part for part in page if part.startswith("Notices about a study")]
    assert set(re.findall(r"^\| `([\w.-]+)` \|", table, re.M)) == CODES
    assert {code for _, code, _ in made()} == CODES


def test_no_english_of_a_notice_is_made_outside_of_its_one_place() -> None:
    spoken = [
        f"{place}: {ast.unparse(value)}"
        for place, _, values in made()
        for value in values
        if isinstance(value, ast.JoinedStr)
        or (isinstance(value, ast.Constant) and " " in str(value.value))
    ]
    assert spoken == []


def test_a_text_needs_nothing_but_names_and_formats() -> None:
    for key, template in TEXTS.items():
        for _, name, form, conversion in Formatter().parse(template):
            known = form in {"", "g", "list"} or re.fullmatch(r"\.\d[fg]", form or "")
            assert name is None or (name.isidentifier() and known and not conversion), key


def test_a_notice_is_its_parameters_and_says_them() -> None:
    (found,) = [
        one
        for one in read_study("heart10", ["consensus.validators=3"]).notices
        if one.code == "study.few-validators"
    ]
    assert found == Notice("warning", "study.few-validators", {"validators": 3})
    assert found.text.startswith("with 3 equal validators, none may fail")


def test_a_code_of_another_package_is_told_by_its_parameters() -> None:
    assert Notice("note", "their.notice", {"who": "va"}).text == "their.notice: who va"
