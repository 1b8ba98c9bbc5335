"""Links between the pages lead to files, so that the site of `make docs` has no broken one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def test_every_link_of_a_page_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(CODE.sub("", page.read_text("utf-8")))
        if not target.startswith(("http://", "https://", "mailto:"))
        and not (page.parent / target).is_file()
    ]
    assert len(PAGES) > 100
    assert broken == []


def test_the_picture_of_the_readme_is_small() -> None:
    assert (ROOT / "docs" / "report.png").stat().st_size < 200_000
