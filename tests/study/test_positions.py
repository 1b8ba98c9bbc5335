"""Which line each key of a TOML text is on."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.study.positions import DEPTH_LIMIT, SourcePositions, key_lines
from collegium.study.refusal import Refusal
from collegium.study.rendering import render

TEXT = '''# a comment with [brackets] and x = 1
[study]
id = "a" # title = "no"
title = """
rounds = 1
"""
"seed" = 7

[data]
partition = { by = "split",  sites = 10 }
[aggregation . server]
optimizer = "adam"

[threat]
attackers = [
  "one", # two
  "two",
]
rounds = [[1, 2], [3.5]]
a.b.c = '[x]'
'''

EXPECTED = {
    ("study",): 2,
    ("study", "id"): 3,
    ("study", "title"): 4,
    ("study", "seed"): 7,
    ("data",): 9,
    ("data", "partition"): 10,
    ("data", "partition", "by"): 10,
    ("data", "partition", "sites"): 10,
    ("aggregation",): 11,
    ("aggregation", "server"): 11,
    ("aggregation", "server", "optimizer"): 12,
    ("threat",): 14,
    ("threat", "attackers"): 15,
    ("threat", "attackers", 0): 16,
    ("threat", "attackers", 1): 17,
    ("threat", "rounds"): 19,
    ("threat", "rounds", 0): 19,
    ("threat", "rounds", 0, 0): 19,
    ("threat", "rounds", 0, 1): 19,
    ("threat", "rounds", 1): 19,
    ("threat", "rounds", 1, 0): 19,
    ("threat", "a"): 20,
    ("threat", "a", "b"): 20,
    ("threat", "a", "b", "c"): 20,
}


def test_every_key_has_its_line_and_nothing_else_is_taken_for_a_key() -> None:
    assert key_lines(TEXT) == EXPECTED


def test_quotes_may_end_a_long_string() -> None:
    text = '[a]\nb = """x""""\nc = 1\n'
    text += "d = '''x''''\ne = 1\n"
    assert [key_lines(text)["a", key] for key in "bcde"] == [2, 3, 4, 5]


def test_windows_line_ends_count_the_same() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n")) == EXPECTED


def test_inline_tables_nest() -> None:
    lines = key_lines("[a]\nb = { c = {}, d = [{ e = 1 }, 2], f = 3 }\ng = 4\n")
    assert set(lines) == {
        ("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "d"), ("a", "b", "d", 0),
        ("a", "b", "d", 0, "e"), ("a", "b", "d", 1), ("a", "b", "f"), ("a", "g"),
    }  # fmt: skip
    assert lines["a", "g"] == 3


def test_a_place_is_the_nearest_written_table_or_the_change_that_set_it() -> None:
    places = SourcePositions("s.toml", key_lines(TEXT), (("faults", "dropout"),))
    assert places.of(("study", "seed")) == "s.toml:7"
    assert places.of(("study", "attendance")) == "s.toml:2"
    assert places.of(("model", "l2")) == "s.toml"
    assert places.of(("faults", "dropout")) == "--set faults.dropout"


@pytest.mark.parametrize(
    "text",
    [
        "\n" + ".".join("a" * (DEPTH_LIMIT + 1)) + " = 1",
        "\n[" + ".".join("a" * (DEPTH_LIMIT + 1)) + "]",
        "\na = " + "[" * (DEPTH_LIMIT + 1),
        "\na = " + "{ a = " * (DEPTH_LIMIT + 1),
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="line 2 nests") as caught:
        key_lines(text)
    assert caught.value.code == "study.too-deep"


@pytest.mark.parametrize(
    "text",
    ['"\\' * 300_000, '"""' * 200_000, "'''x" * 200_000, '"""' + "x" * 900_000, "[=" * 300_000],
    ids=["string", "empty", "literal", "open", "marks"],
)
def test_a_megabyte_of_nonsense_takes_linear_time(text: str) -> None:
    start = time.perf_counter()
    key_lines(text)
    assert time.perf_counter() - start < 5


def test_prose_is_left_to_the_parser() -> None:
    assert key_lines("these are words " * 20 + "\na = 1") == {}


keys = st.text("ab-_1", min_size=1, max_size=3)
scalars = st.integers(-9, 9) | st.floats(allow_nan=False) | st.text("]}#=,.'\"\\\n a", max_size=5)
nested = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=3), max_leaves=8
)


def paths(value: object, here: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return {here}.union(*(paths(item, (*here, key)) for key, item in items))


@given(st.dictionaries(keys, st.dictionaries(keys, nested, max_size=3), max_size=3))
def test_the_keys_found_are_those_that_a_parser_finds(document: dict[str, dict[str, Any]]) -> None:
    assert set(key_lines(render(document))) | {()} == paths(document)


@given(st.text(alphabet="[]{}=.,'\"\\#\n ab1", max_size=60))
def test_no_text_stops_the_scan(text: str) -> None:
    try:
        lines = key_lines(text)
    except Refusal:
        return
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
