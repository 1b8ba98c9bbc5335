"""The section about what leaves a site, for an ethics board: what `check --outbound` lists."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.report.content import ReportContent
from collegium.report.markup import Markup, code, folded, join, paragraph, table
from collegium.report.seam import AnswerLine
from collegium.report.wording import counted
from collegium.study.message import Outbound


def outbound(content: ReportContent) -> Markup:
    """Return every kind of message that a member sends, those computed from rows first."""
    of_rows = [one for one in content.sent if one.from_rows]
    others = [one for one in content.sent if not one.from_rows]
    return join(
        paragraph(
            "No message holds a patient’s row or identifier. These are all kinds of messages that "
            f"a member of this study sends: {counted(len(of_rows), 'kind')} computed from rows, "
            f"and {len(others)} not. ",
            code("collegium check study.toml --outbound"),
            " prints the same list before a study begins.",
        ),
        _messages("Computed from patients’ rows", of_rows),
        folded(
            f"{counted(len(others), 'kind')} of messages not computed from rows",
            _messages("Not computed from rows", others),
        )
        if others
        else "",
    )


def _line(content: ReportContent) -> str:
    of_rows = sum(one.from_rows for one in content.sent)
    if not content.sent:
        return ""
    kinds = counted(of_rows, "kind of message", "kinds of messages")
    return f"No row and no identifier of a patient; {kinds} computed from rows."


LEAVES = AnswerLine("Leaves a site", _line, "outbound")


def _messages(caption: str, sent: Sequence[Outbound]) -> Markup:
    return table(
        caption,
        ["Message", "Contents", "To", "Protection", "Kept"],
        [[one.kind, one.contents, one.to, one.protection, one.kept] for one in sent],
        class_="messages",
    )
