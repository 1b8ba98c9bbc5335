"""Every code that a user can meet is explained in docs/errors.md, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import get_args

from collegium.cli.completing import PARTS
from collegium.errors import StudyError
from collegium.ledger.contract.transactions import AnyTransaction

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "collegium"
PAGE = ROOT / "docs" / "errors.md"

CODE = re.compile(r"[a-z]+\.[a-z]+(?:-[a-z]+)*")
FILE = re.compile(
    r".*\.(?:bin|blocks|csr|csv|go|html|js|json|jsonl|log|md|mod|note|partial|pem|py|safetensors|snapshot|sum|toml|txt)"
    r"|(?:ca|client|server)\.key"
)

LOADED = {"terms.py", "rules.py"}
"""Files of a mechanism that the contract loads."""

KINDS = {kind.__struct_config__.tag for kind in get_args(AnyTransaction)}


def codes_in_source() -> set[str]:
    """Words with a dot that the code holds, without file names and kinds of transactions.

    The contract speaks to programs: its refusals are single words, its dotted words are kinds.
    """
    found = set()
    for path in SOURCE.rglob("*.py"):
        tree: ast.AST = ast.parse(path.read_text("utf-8"))
        if "contract" in path.parts or path.name in LOADED:
            found |= errors_in(tree)
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                word = node.value
                if CODE.fullmatch(word) and not FILE.fullmatch(word) and word not in KINDS:
                    found.add(word)
    return {word for word in found - PARTS.keys() if not word.startswith("collegium.")}


def errors_in(tree: ast.AST) -> set[str]:
    """Codes of errors that are made in a file, whatever else has dots there."""
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id.endswith("Error")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and CODE.fullmatch(str(node.args[0].value))
    }


def rows() -> list[list[str]]:
    """The cells of the page's table rows, without headers."""
    lines = PAGE.read_text("utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return [row for row in cells if row[0] not in ("Code", "---")]


def test_every_code_has_a_row_and_every_row_a_code() -> None:
    documented = {row[0].strip("`") for row in rows()}
    assert codes_in_source() - documented == set(), "codes that docs/errors.md does not explain"
    assert documented - codes_in_source() == set(), "rows about codes that nothing raises"


def test_no_code_is_explained_twice_but_one_that_is_error_and_finding() -> None:
    twice = [code for code, count in Counter(row[0] for row in rows()).items() if count > 1]
    assert twice == ["`study.unreadable`"]


def test_every_row_says_what_why_and_what_to_do() -> None:
    for row in rows():
        assert len(row) == 4, row
        assert CODE.fullmatch(row[0].strip("`")), row
        assert all(row), row


def test_the_search_finds_what_is_raised() -> None:
    assert {"study.unknown-key", "run.stuck", "anchor.genesis", "study.few-validators"} <= (
        codes_in_source()
    )
    assert not {"ledger.log", "round.vote"} & codes_in_source()
    assert len(codes_in_source()) > 100


def test_an_error_is_three_lines() -> None:
    error = StudyError("study.range", "what", "why", "todo")
    assert error.diagnostics() == "error: what [study.range]\n  why: why\n  do:  todo"
    assert str(error) == "what [study.range]"
