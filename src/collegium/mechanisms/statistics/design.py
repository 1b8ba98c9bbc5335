"""In how many steps a study's sites agree on their tables, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.statistics.terms import StatisticsTerms
from collegium.mechanisms.sums.design import sums_tables
from collegium.study.design import Design, Facts
from collegium.study.document import Study, TableSource
from collegium.study.message import BLOBS, LEDGER, RETIRED, Outbound, Recipients
from collegium.study.terms import STATISTICS_STEPS, agrees_by_statistics


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether its rows are in tables whose preparation the document does not say."""
    return agrees_by_statistics(study)


def _terms(study: Study, sites: int, facts: Facts) -> StatisticsTerms:
    """Return the number of steps."""
    return StatisticsTerms(steps=STATISTICS_STEPS)


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    """Return what a site says of its own table, so that all prepare their inputs alike."""
    source, summed = study.data.source, sums_tables(study)
    if isinstance(source, str):
        return ()
    to = "every member, and everybody who is given the run's blobs"
    many = f"{source.smallest} persons or more"
    most = source.most_categories
    frequent = "" if most is None else f" (of more than {most} the {most} that most persons have)"
    rounded = ", rounded down to two significant binary digits" if summed else ""
    few = (
        f"Nothing is reported about fewer than {source.smallest} persons. Sums are exact, "
        "without noise"
    )
    return (
        Outbound(
            "statistics of a table: columns",
            f"of each column its name and unit, and where {many} have a value: its kind; the"
            f" number of rows with a value{rounded}; whether {many} lack one; the power of two"
            " that no value exceeds; whether it looks like an identifier; and the values, as"
            f" written, that {many} share in a column of categories{frequent}. Of the target"
            f" {source.target!r}: its classes by name, all of them where they are few",
            to, f"{ways.signed}. {few}", BLOBS, from_rows=True,
            transactions=("statistics.post",),
        ),
        *(_masked(source, ways) if summed else _said(many, to, f"{ways.signed}. {few}")),
        Outbound(
            "vote on statistics",
            "the digest of what follows from what all sites said: means, standard deviations,"
            " quantiles, categories and classes over all sites together",
            ways.everybody, ways.signed, LEDGER, from_rows=True,
            transactions=("statistics.vote",),
        ),
        Outbound(
            "beginning of the study",
            "the digest of the first model over the inputs that were agreed (sent only by the"
            " owner)",
            ways.everybody, ways.signed, LEDGER, from_rows=False,
            transactions=("study.begin",),
        ),
    )  # fmt: skip


def _said(many: str, to: str, protection: str) -> tuple[Outbound, ...]:
    return (
        Outbound(
            "statistics of a table: moments",
            "of each column of numbers or dates that is agreed on: how many training rows have a"
            " value, the sum of the values and the sum of their squares",
            to, protection, BLOBS, from_rows=True,
        ),
        Outbound(
            "statistics of a table: quantiles",
            f"of each such column: a histogram of each person's first value, in cells of {many}",
            to, protection, BLOBS, from_rows=True,
        ),
    )  # fmt: skip


def _masked(source: TableSource, ways: Recipients) -> tuple[Outbound, ...]:
    protection = (
        "masked (secure aggregation among all sites): only the sum over the sites is visible, "
        "except to a coalition as large as the sum's threshold. The sum is public and exact. "
        f"Nothing is counted of fewer than {source.smallest} persons"
    )
    return (
        Outbound(
            "counts of a table: moments",
            "of each column of numbers or dates that is agreed on, under masks: how many persons"
            " and training rows have a value, the sum of the values and the sum of their squares",
            ways.everybody, protection, RETIRED, from_rows=True,
        ),
        Outbound(
            "counts of a table: quantiles",
            f"of each such column, under masks: persons by their first value, in cells of"
            f" {source.smallest} persons or more that are spread over 64 bins",
            ways.everybody, protection, RETIRED, from_rows=True,
        ),
    )  # fmt: skip


DESIGN = Design(_uses, _terms, messages=_messages)
