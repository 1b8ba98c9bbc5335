"""Every page on operations is linked, and is followed by a test to its last command."""

from __future__ import annotations

from pathlib import Path

from tests.operations.pages import PAGES, ROOT, commands_of

TESTS = Path(__file__).parent


def test_every_page_is_linked_shows_commands_and_has_a_test() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in TESTS.glob("test_*.py"))
    names = sorted(path.name for path in PAGES.glob("*.md"))
    assert len(names) == 11
    for name in names:
        assert f"](operations/{name})" in index
        assert len(commands_of(name)) > 3
        assert f'Page("{name}"' in tests
