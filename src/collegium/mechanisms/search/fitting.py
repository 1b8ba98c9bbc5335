"""Whether sites have rows to hold out for a choice among models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from collegium.assembly.seam import Fitting
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import DataError
from collegium.study.document import Study
from collegium.study.refusal import DocumentPath, Refusal
from collegium.study.searching import held_out, held_out_by


def _rows(study: Study, train: Mapping[str, SiteRows], validators: Sequence[str]) -> None:
    """Refuse a choice among models where no site has rows to hold out for it.

    Raises:
        Refusal: nobody would tell a loss.
    """
    part = held_out(study)
    if part is None:
        return
    for rows in train.values():
        with suppress(DataError):
            split(rows, part, study.study.seed, held_out_by(study))
            return
    path: DocumentPath = ("search", "validation")
    if study.search is None:
        path = ("training", "early_stopping", "validation")
    raise Refusal(
        path, "study.combination", f"no site can hold {part:g} of its training part out",
        "each site has too few persons, and would train on none",
        'cut the rows by time (data.split.by = "time"), or partition them otherwise',
    )  # fmt: skip


FITTING = Fitting(rows=_rows)
