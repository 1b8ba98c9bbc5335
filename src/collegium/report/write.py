"""Writing the report: the whole file or none."""

from __future__ import annotations

from pathlib import Path

from collegium.errors import RunError, reason_of
from collegium.ledger.durability import write_whole
from collegium.report.content import ReportContent
from collegium.report.page import render

NAME = "report.html"


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
