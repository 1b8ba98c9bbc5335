"""Figures of models in the documentation have the command beside them that makes them."""

from __future__ import annotations

import shlex
from importlib.util import find_spec

import pytest
from tools import figures

PAGE = """
<!-- figures
python -m one a
python -m two b
-->
| preset | rows | federated | difference |
|---|---|---|---|
| `a` | test | .8000 (.0100) | −.0100 |
| `b` | test | .7 | +.1 |
<!-- /figures -->
.8000 of the text stays.
"""


def test_what_a_command_prints_replaces_the_rows_that_begin_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = (
        "| preset | rows | x | y |\n|---|---|---|---|\n| `a` | test | .8100 (.0100) | −.0200 |\n"
    )
    printed += "| `a` | rows that the page does not have | .1 | .2 |\n"
    monkeypatch.setattr(figures, "outcome", lambda command: printed)
    now = figures.rewritten(PAGE, ["one"])
    assert now == PAGE.replace(".8000 (.0100) | −.0100", ".8100 (.0100) | −.0200")
    assert figures.rewritten(PAGE, ["three"]) == PAGE
    monkeypatch.setattr(figures, "outcome", lambda command: "| `c` | test | .1 | .2 |\n")
    with pytest.raises(ValueError, match="no row"):
        figures.rewritten(PAGE, ["two"])


def test_pages_have_commands_that_are_there() -> None:
    read = {path: figures.commands(path.read_text("utf-8")) for path in figures.PAGES}
    found = {str(path.relative_to(figures.ROOT)): those for path, those in read.items() if those}
    assert found.keys() >= {"README.md", "docs/datasets.md", "docs/privacy.md"}
    for command in (one for those in found.values() for one in those):
        python, m, module, *_ = shlex.split(command)
        assert (python, m) == ("python", "-m")
        assert find_spec(module), command


def test_the_figures_of_the_readme_are_what_their_command_makes() -> None:
    assert [*figures.differing(["accuracy", "heart"], write=False)] == []


@pytest.mark.long
def test_so_are_those_of_heart_on_other_pages() -> None:
    assert [*figures.differing(["noise", "heart"], write=False)] == []
    assert [*figures.differing(["measure heart"], write=False)] == []
