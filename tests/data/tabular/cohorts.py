"""Made-up tables of four hospitals, with all that real ones have, and studies of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Cells = Mapping[str, Sequence[object]]

SITES = ("cleveland", "hungarian", "switzerland", "va")

STUDY = """[study]
id = "cohort"
title = "A table of four hospitals"
question = "Who dies"
seed = 43

[data]
source = { table = "cohort.csv", target = "died", site = "hospital", drop = ["mrn"] }

[model]
architecture = "logistic"

[training]
rounds = 3
learning_rate = 0.1

[evaluation]
bootstrap = 0
"""


def trainers(rows: int = 240, seed: int = 0) -> dict[str, list[object]]:
    """Return a table whose outcome depends on age and lactate; lactate's gaps differ by site."""
    draws = np.random.default_rng(seed)
    site = draws.integers(0, len(SITES), rows)
    age = draws.normal(60, 12, rows)
    lactate = draws.gamma(2, 1, rows)
    risk = 1 / (1 + np.exp(-((age - 60) / 8 + lactate - 2)))
    told = [f"{value:.2f}" for value in lactate]
    gap = draws.random(rows) < np.array([0.5, 0.1, 0.3, 0.2])[site]
    return {
        "mrn": [f"P{number:05d}" for number in range(rows)],
        "hospital": [SITES[number] for number in site],
        "age [years]": [f"{value:.1f}" for value in age],
        "lactate": ["" if gone else value for gone, value in zip(gap, told, strict=True)],
        "sex": draws.choice(["f", "m", "NA"], rows, p=[0.4, 0.4, 0.2]).tolist(),
        "admitted": [f"2024-{1 + number % 12:02d}-{1 + number % 28:02d}" for number in range(rows)],
        "device": [7] * rows,
        "died": np.where(draws.random(rows) < risk, "yes", "no").tolist(),
    }


def write_table(path: Path, cells: Cells, mark: str = ",") -> Path:
    """Write a table as CSV and return its path."""
    rows = zip(*cells.values(), strict=True)
    lines = [mark.join(cells), *(mark.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_study(folder: Path, cells: Cells | None = None, text: str = STUDY) -> Path:
    """Write a study and its table into a folder; return the study's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "cohort.csv", trainers() if cells is None else cells)
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path
