"""The section about rows that were kept apart: an evaluator's, and those of each fold."""

from __future__ import annotations

from collegium.report.apart import ApartSection
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, element, join, paragraph
from collegium.report.quality_sections import three_ways
from collegium.report.wording import listed, rows_of


def apart(content: ReportContent) -> Markup:
    """Return what was measured on an evaluator's rows and out of fold."""
    return join(*(_section(content, one) for one in content.apart))


def _section(content: ReportContent, one: ApartSection) -> Markup:
    rows = rows_of(one.rows, one.persons)
    if one.kind == "unseen":
        title, on = "Rows that no site holds", f"on {rows} that an evaluator keeps"
        text = (
            f"An evaluator holds {rows} that no site has: {listed(list(one.parts))}. Local-only is "
            "the mean of what the sites' own models measure there. Intervals are over "
            f"{'rows' if one.rows == one.persons else 'persons'} drawn from these."
        )
    else:
        title, on = "Out of fold", f"out of fold on all {rows}"
        text = (
            "Persons were dealt into folds, and for each fold the study was trained once more "
            "without its persons, who were then tested on: every row is scored by models that "
            "never saw its person. Each of these studies has a ledger of its own under folds/. "
            "This judges the way of training, not the released model."
        )
    return join(
        element("h3", title), paragraph(text),
        *(paragraph(comparison.sentence) for comparison in one.comparisons),
        three_ways(content, one, on),
    )  # fmt: skip
