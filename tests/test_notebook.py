"""The notebook works: its code cells are run in their order, as a kernel would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "heart.ipynb"


def test_every_cell_of_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for cell in code:
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)  # noqa: S102
    assert len(code) == 5
    assert names["found"].verdict == "consistent"
    assert names["result"].outcome == names["robust"].outcome == "completed"
    said = capsys.readouterr().out
    assert "federated  AUC 0." in said
    assert "with trimmed_mean" in said
    losses = names["losses"]
    assert losses[100] < losses[1]
