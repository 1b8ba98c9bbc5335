"""A site's rows of a table as a CSV file of its own, from which the same rows are read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from collegium.data.tabular.columns import Column, number_word
from collegium.data.tabular.study_rows import StudyRows
from collegium.study.document import TableSource


def table_text(studied: StudyRows, source: TableSource) -> str:
    """Return rows as CSV: the columns that may become inputs, the target, and the persons.

    The column of sites and what the study drops are not written: a site's file needs neither.
    """
    columns = [*studied.table.columns.values(), studied.target]
    heads = [f"{one.name} [{one.unit}]" if one.unit else one.name for one in columns]
    cells = [_cells(one) for one in columns]
    if studied.event is not None:
        heads.append(studied.event.name)
        cells.append(_cells(studied.event))
    if studied.exposure is not None:
        heads.append(studied.exposure.name)
        cells.append(_cells(studied.exposure))
    if source.person is not None:
        heads.append(source.person)
        cells.append([str(number) for number in studied.person.tolist()])
    if studied.time is not None and source.time is not None:
        heads.append(source.time)
        cells.append([number_word(moment) for moment in studied.time.tolist()])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def _cells(column: Column) -> Sequence[str]:
    if column.codes is not None:
        words = (*column.words, "")
        return [words[code] for code in column.codes.tolist()]
    if column.values is None:
        return [""] * len(column)
    return ["" if value != value else number_word(value) for value in column.values.tolist()]
