"""What leaves a site that sets up a study of tables, for ``check --outbound``."""

from __future__ import annotations

from collegium.study.document import TableSource
from collegium.study.message import BLOBS, LEDGER, Outbound, Ways


def table_messages(source: TableSource, ways: Ways) -> tuple[Outbound, ...]:
    """Return what a site says of its own table, so that all prepare their inputs alike."""
    to = "every member, and everybody who is given the run's blobs"
    many = f"{source.smallest} persons or more"
    few = (
        f"Nothing is said about fewer than {source.smallest} persons. Sums are exact, and no noise"
        " is added"
    )
    return (
        Outbound(
            "statistics of a table: columns",
            f"of each column its name and unit, and where {many} have a value: its kind; the"
            f" number of rows with a value; whether {many} lack one; the power of two that no value"
            " exceeds; whether it looks like an identifier; and the values, as written, that"
            f" {many} share in a column of categories. Of the target {source.target!r}: its classes"
            " by name, all of them where they are few",
            to, f"{ways.signed}. {few}", BLOBS, from_rows=True,
            transactions=("statistics.post",),
        ),
        Outbound(
            "statistics of a table: moments",
            "of each column of numbers or dates that is agreed on: how many training rows have a"
            " value, the sum of the values and the sum of their squares",
            to, f"{ways.signed}. {few}", BLOBS, from_rows=True,
        ),
        Outbound(
            "statistics of a table: quantiles",
            f"of each such column: a histogram of each person's first value, in cells of {many}",
            to, f"{ways.signed}. {few}", BLOBS, from_rows=True,
        ),
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
