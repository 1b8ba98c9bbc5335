"""How many files outside its folder name a mechanism: what taking it out and back would touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collegium.plugins import BUILT_IN

SOURCE = Path(__file__).resolve().parents[2] / "src" / "collegium"

REACH = {
    "compression": 0,
    "dealing": 21,
    "groups": 0,
    "plain": 4,
    "privacy": 21,
    "scores": 2,
    "search": 11,
    "secagg": 10,
    "secagg_plus": 9,
    "statistics": 12,
    "sum_check": 7,
    "sums": 11,
    "threshold_he": 2,
}
"""Files beside `plugins.py` that import a mechanism, or hold its name as a text. It only falls."""


def naming(mechanism: str) -> list[str]:
    """Files outside a mechanism's folder that import it or hold its name as a text."""
    form = re.compile(
        rf"collegium\.mechanisms\.{mechanism}\b"
        rf"|from collegium\.mechanisms import .*\b{mechanism}\b"
        # A key of a table's section is no mechanism, whatever it is called.
        rf"|(?<!\"source\", )(?<![\w@])[\"']{mechanism}(?:@\d+)?[\"']"
    )
    folder = SOURCE / "mechanisms" / mechanism
    return [
        path.relative_to(SOURCE).as_posix()
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name != "plugins.py"
        and not path.is_relative_to(folder)
        and form.search(path.read_text("utf-8"))
    ]


def test_every_built_in_mechanism_has_its_number() -> None:
    assert set(REACH) == set(BUILT_IN["mechanisms"])


@pytest.mark.parametrize("mechanism", REACH)
def test_no_more_files_than_before_name_a_mechanism(mechanism: str) -> None:
    found = naming(mechanism)
    assert len(found) <= REACH[mechanism], f"it reaches further than it did: {found}"
    assert len(found) == REACH[mechanism], "lower its number in REACH"
