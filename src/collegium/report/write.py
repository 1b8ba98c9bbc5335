"""Writing reports and comparisons: whole files or none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from collegium.errors import RunError, reason_of
from collegium.ledger.durability import write_whole
from collegium.report import comparison_page
from collegium.report.content import ReportContent
from collegium.report.page import render
from collegium.report.run_comparison import RunComparison

NAME = "report.html"


COMPARISON, PAGE = "comparison.json", "index.html"


def write_comparison(parent: Path, found: RunComparison) -> Path:
    """Write a comparison's page, its figures as CSV and JSON into a folder of their own.

    The folder's name follows from the runs, so the same comparison is written in its own place.

    Returns:
        The page's path.

    Raises:
        RunError: the folder cannot be written to.
    """
    runs = "\0".join(f"{one.name}\0{run}" for one in found.designs for run in one.runs)
    folder = parent / f"comparison-{hashlib.sha256(os.fsencode(runs)).hexdigest()[:8]}"
    files = {
        COMPARISON: msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n",
        comparison_page.DESIGNS: comparison_page.designs_csv(found).encode(),
        comparison_page.DIFFERENCES: comparison_page.differences_csv(found).encode(),
        PAGE: comparison_page.render(found).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise RunError(
            "report.unwritable",
            f"{folder} cannot be written",
            reason_of(error),
            "free space or permit writing there, or name another folder with --out",
        ) from error
    return folder / PAGE


def write_report(folder: Path, content: ReportContent) -> Path:
    """Write ``report.html`` into a run folder in place of an earlier one, and return its path.

    Raises:
        RunError: the folder cannot be written to; an earlier report is then as it was.
    """
    path = folder / NAME
    data = render(content).encode()
    try:
        write_whole(path, data)
    except OSError as error:
        raise RunError(
            "report.unwritable",
            f"{path} cannot be written",
            reason_of(error),
            "free space or permit writing there, then `collegium report` makes the page again",
        ) from error
    return path
