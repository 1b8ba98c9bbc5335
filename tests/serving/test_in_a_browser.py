"""The page in a browser: its script sorts tables and shows what has changed, under its policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser import Browser, browser, found_or_skipped
from tests.report.synthetic import inputs
from tests.serving.folder import everything_in, run_in, served

from collegium.report.measurements import append_line

FIRST_CELLS = "[...document.querySelectorAll('#runs tbody th')].map(one => one.textContent)"
AFTER = """new Promise((done, failed) => {
    const look = tries => (%s) ? done(true)
        : tries ? setTimeout(look, 100, tries - 1) : failed(new Error('it does not come'));
    look(100);
})"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found_or_skipped()
    with browser(tmp_path_factory.mktemp("browser")) as one:
        one("Page.setBypassCSP", enabled=False)
        yield one


def test_a_click_on_a_head_sorts_and_another_one_the_other_way(
    chromium: Browser, tmp_path: Path
) -> None:
    with served(everything_in(tmp_path / "root")) as port:
        chromium.open(f"http://127.0.0.1:{port}/")
        head = "document.querySelectorAll('#runs thead button')[3]"
        chromium.run(f"{head}.click()")
        assert chromium.run(FIRST_CELLS) == ["linked", "runs/half", "runs/whole"]
        chromium.run(f"{head}.click()")
        assert chromium.run(FIRST_CELLS) == ["runs/whole", "runs/half", "linked"]
        assert chromium.run(f"{head}.parentElement.ariaSort") == "descending"


def test_what_has_changed_is_shown_without_a_reload_and_stays_sorted(
    chromium: Browser, tmp_path: Path
) -> None:
    root = everything_in(tmp_path / "root")
    with served(root) as port:
        chromium.open(f"http://127.0.0.1:{port}/")
        chromium.run("window.same = true")
        head = "document.querySelectorAll('#runs thead button')[3]"
        chromium.run(f"{head}.focus(); {head}.click(); {head}.click()")
        append_line(root / "runs/half/metrics.jsonl", inputs().lines[3])
        run_in(root / "new", rounds=2)
        chromium.run(AFTER % "document.body.textContent.includes('4 of 100')")
        assert chromium.run(FIRST_CELLS) == ["runs/whole", "runs/half", "new", "linked"]
        assert chromium.run(f"document.activeElement === {head}")
        assert chromium.run("window.same")
        chromium.run("document.querySelector('#live input').click()")
        run_in(root / "newer", rounds=2)
        chromium.run("new Promise(done => setTimeout(done, 3500))")
        assert "newer" not in chromium.run(FIRST_CELLS)


def test_its_policy_lets_no_other_script_run_and_nothing_be_asked_elsewhere(
    chromium: Browser, tmp_path: Path
) -> None:
    with served(everything_in(tmp_path / "root")) as port:
        chromium.open(f"http://127.0.0.1:{port}/")
        chromium.run("""{
            const one = document.createElement('script');
            one.textContent = 'window.planted = true';
            document.body.append(one);
        }""")
        assert chromium.run("window.planted === undefined")
        refused = f"fetch('http://127.0.0.1:{port + 1}/').then(() => 'asked', () => 'refused')"
        watched = "new Promise(done => addEventListener('securitypolicyviolation', one => "
        watched += f"done(one.effectiveDirective))); {refused}"
        assert chromium.run(f"(() => {{ const seen = {watched}; return seen }})()") == "connect-src"
        assert chromium.run("getComputedStyle(document.body).maxWidth") != "none"
