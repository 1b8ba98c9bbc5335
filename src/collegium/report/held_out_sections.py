"""The section about rows that were kept apart: an evaluator's, and those of each fold."""

from __future__ import annotations

from collegium.report.content import ReportContent
from collegium.report.held_out_quality import HeldOutSection
from collegium.report.markup import Markup, element, join, paragraph
from collegium.report.quality_sections import three_ways
from collegium.report.wording import listed, rows_of


def apart(content: ReportContent) -> Markup:
    """Return what was measured on an evaluator's rows and out of fold."""
    return join(*(_section(content, one) for one in content.apart))


def _section(content: ReportContent, one: HeldOutSection) -> Markup:
    rows = rows_of(one.rows, one.persons)
    if one.kind == "unseen":
        title, on = "Rows held out from all sites", f"on {rows} held out by an evaluator"
        text = (
            f"An evaluator holds {rows} that no site has: {listed(list(one.parts))}. Local-only "
            "is the mean over the sites' own models on these rows. Intervals resample "
            f"{'rows' if one.rows == one.persons else 'persons'}."
        )
    else:
        title, on = "Out-of-fold predictions", f"out of fold, on all {rows}"
        text = (
            "This is a cross-validation over persons. For each fold, the study was trained "
            "again without the fold's persons and then tested on them. Each of these studies "
            "has its own ledger under folds/. The result assesses the training procedure, not "
            "the released model."
        )
    return join(
        element("h3", title), paragraph(text),
        *(paragraph(comparison.sentence) for comparison in one.comparisons),
        three_ways(content, one, on),
    )  # fmt: skip
