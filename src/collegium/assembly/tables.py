"""A study's table in a process that holds all of it: cut into sites, and agreed on beforehand.

What the sites will agree on follows from their rows alone, so a simulation can tell it before the
ledger does: a study that cannot be set up is refused before anything is written. The ledger's own
agreement is compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.cutting import cut_of
from collegium.data.partition import parted
from collegium.data.persons import by_person
from collegium.data.table import DataSet, Feature, Schema, SiteRows, in_words
from collegium.data.tabular.agreed_preparation import (
    REASONS,
    AgreedPreparation,
    decode_agreed,
    encode_agreed,
)
from collegium.data.tabular.columns import as_numbers
from collegium.data.tabular.combining_statistics import conclusion
from collegium.data.tabular.computing_statistics import (
    looks_like_identifier,
    numbers_of,
    site_statistics_of,
)
from collegium.data.tabular.counting import concluded, counts_of
from collegium.data.tabular.described_columns import (
    described_kinds,
    described_preparation,
    within_bounds,
)
from collegium.data.tabular.left_out import RowsLeftOut, told
from collegium.data.tabular.preparation import agreed_labels, encode_study_rows, input_schema
from collegium.data.tabular.reading import read_table_file
from collegium.data.tabular.site_statistics import STEPS, encode_site_statistics
from collegium.data.tabular.study_rows import (
    StudyRows,
    absent_of,
    check_counts,
    declared_kinds,
    read_again,
    rows_of_study,
    take_study_rows,
    time_of_rows,
)
from collegium.errors import DataError
from collegium.mechanisms.statistics.speaking import SiteTable
from collegium.mechanisms.sums.design import sums_tables
from collegium.mechanisms.sums.terms import TABLE
from collegium.study.document import Study, TableSource
from collegium.study.english import Value
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal
from collegium.study.tables import task_of
from collegium.study.terms import fewest_sites

FEWEST_PERSONS = 2
"""Persons of a site: one to train on, one to test on."""

MOST_ROWS = 1 << 24
"""Rows whose positions a float32 tells apart."""


@dataclass(frozen=True, slots=True, eq=False)
class CutTable:
    """A table's rows by site, sites in order, and what the sites agree on.

    `whole` are a site's rows in the order of the file, `parts` those it trains and is tested on;
    `blob` is the agreement as it stands on the ledger. `notes` say what was noticed, `left_out` how
    many rows of the file are no part of the study.
    """

    whole: Mapping[str, StudyRows]
    parts: Mapping[str, SiteTable]
    agreement: AgreedPreparation
    blob: bytes
    notes: tuple[str, ...]
    left_out: tuple[RowsLeftOut, ...]

    def encoded(self) -> tuple[dict[str, SiteRows], dict[str, SiteRows]]:
        """Return the training and the test rows as the model sees them, by site."""
        train = {name: encode_study_rows(self.agreement, one.train, name)
                 for name, one in self.parts.items()}  # fmt: skip
        test = {name: encode_study_rows(self.agreement, one.test, name)
                for name, one in self.parts.items()}  # fmt: skip
        return train, test


def table_path(source: TableSource, folder: Path | None) -> Path:
    """Return where a study's table is: beside its file, beside its run folder, or here."""
    path = Path(source.table)
    if folder is None:
        return path
    places = (folder / path, folder.parent / path, path)
    return next((place for place in places if place.exists()), places[0])


def read_studied(source: TableSource, study: Study, path: Path, *, alone: str | None) -> StudyRows:
    """Return the rows of a file that a study is about; of one site alone, or of all.

    Raises:
        DataError: the file, or a column that the study names.
    """
    only = described_kinds(study)
    if only is not None and alone is not None:
        only = {name: kind for name, kind in only.items() if name != source.site}
    table = read_table_file(
        path, skip=source.drop, declared=declared_kinds(source), whole=alone is None, only=only,
        absent=absent_of(source) or (),
    )  # fmt: skip
    return rows_of_study(table, source, task_of(study), alone=alone)


def cut_table(source: TableSource, study: Study, folder: Path | None) -> CutTable:
    """Read a study's table, cut it into sites and parts, and return what the sites agree on.

    Raises:
        DataError: the table cannot be read, cut or learned from.
        Refusal: it has no column of sites, and the study asks for those.
    """
    path = table_path(source, folder)
    if source.site is None and study.data.partition.by == "site":
        raise Refusal(
            ("data", "source"), "study.combination", "the table has no column of sites",
            'a partition by "site" goes by a column that tells the institution',
            'add site = "…" to data.source, or choose partition = { by = "iid", sites = 4 }',
        )  # fmt: skip
    studied = read_studied(source, study, path, alone=None)
    if studied.rows > MOST_ROWS:
        raise DataError(
            "data.too-large", f"{path} has {studied.rows} rows", f"at most {MOST_ROWS} are read",
            "cut the table into several files",
        )  # fmt: skip
    if task_of(study) == "count":
        check_counts(studied)
    notes, described = list(studied.notes), described_preparation(study)
    left_out = list(studied.left_out)
    if described is not None:
        notes += _beyond(studied, study, described)
        before = studied.rows
        studied, _ = within_bounds(studied, study, described)
        left_out.append(("class", before - studied.rows))
    natural = []
    for number, name in enumerate(studied.sites):
        rows = positions(studied, np.flatnonzero(studied.site == number), name)
        if len(by_person(rows).label) < FEWEST_PERSONS:
            left_out.append(("small-site", len(rows.y)))
            notes.append(f"site {name} has one person and was left out: none is left to test on")
        else:
            natural.append(rows)
    dataset = DataSet(
        path.stem, path.name, _position_schema(studied), tuple(natural), "", "", "", ()
    )
    sites = parted(dataset, study.data.partition, study.study.seed)
    sites = tuple(sorted(sites, key=lambda one: one.name))
    whole, parts = {}, {}
    place = np.zeros(studied.rows, np.int64)
    for (name, (train, test)), rows in zip(cut_of(study, sites).items(), sites, strict=True):
        place[_at(rows)] = np.arange(len(rows.y))
        own = whole[name] = take_study_rows(studied, _at(rows))
        if described is None:
            own = whole[name] = read_again(own, source)
        parts[name] = SiteTable(
            take_study_rows(own, place[_at(train)]), take_study_rows(own, place[_at(test)])
        )
    cut = sum(one.train.rows + one.test.rows for one in parts.values())
    left_out.append(("known-person", sum(len(rows.y) for rows in sites) - cut))
    blob = (
        agreed_by_all(source, study, parts, fewest_sites(study, len(parts)))
        if described is None
        else encode_agreed(described)
    )
    agreement = decode_agreed(blob)
    if agreement.classes:
        others = sum(int((agreed_labels(agreement, one)[0] < 0).sum()) for one in whole.values())
        left_out.append(("class", others))
    return CutTable(whole, parts, agreement, blob, tuple(notes), told(left_out, source.smallest))


def _beyond(studied: StudyRows, study: Study, described: AgreedPreparation) -> list[str]:
    """Return what of each site's rows is not as the document says; the sites know it alone."""
    told = []
    for number, name in enumerate(studied.sites):
        own = take_study_rows(studied, np.flatnonzero(studied.site == number))
        deviations = within_bounds(own, study, described)[1]
        told += [f"{name}: {one.in_words()}" for one in deviations]
    return told


def agreed_by_all(
    source: TableSource, study: Study, parts: Mapping[str, SiteTable], fewest: int
) -> bytes:
    """Return the blob of what sites agree on when all of them speak.

    Raises:
        DataError: nothing can be learned from what they say.
    """
    task = task_of(study)
    blob: bytes | None = None
    for _ in STEPS:
        before = None if blob is None else decode_agreed(blob)
        if before is not None and sums_tables(study):
            smallest = source.smallest
            counts = np.sum([counts_of(one.train, before, smallest) for one in parts.values()], 0)
            blob = concluded(before, counts, tuple(sorted(parts)), smallest, TABLE)
            continue
        coarse = sums_tables(study)
        said = {
            name: encode_site_statistics(
                site_statistics_of(
                    table.train,
                    task,
                    before,
                    source.smallest,
                    coarse=coarse,
                    most=source.most_categories,
                )
            )
            for name, table in parts.items()
        }
        blob = conclusion(source, task, blob, said, fewest)
    if blob is None:
        raise AssertionError("set-up has steps")
    return blob


def about_table(table: CutTable) -> tuple[Notice, ...]:
    """Return what the owner of a study should know of what its table became."""
    agreement = table.agreement
    notices = []
    told: dict[str, Value]
    if counting := _counting(table):
        told = {"case": "one" if len(counting) == 1 else "several", "names": in_words(counting, 6)}
        notices.append(Notice("warning", "study.row-number", told))
    if agreement.left_out:
        columns = tuple(f"{one.name} ({REASONS[one.reason]})" for one in agreement.left_out)
        notices.append(Notice("note", "study.left-out", {"columns": columns}))
    if agreement.task == "binary":
        column, value = agreement.target.name, agreement.classes[-1]
        told = {"case": "class", "column": column, "value": value}
        notices.append(Notice("note", "study.positive", told))
    if agreement.task == "regression":
        told = {"column": agreement.target.name}
        targets = [as_numbers(one.target) for one in table.whole.values()]
        if len(np.unique(np.concatenate(targets))) == 2:
            notices.append(Notice("note", "study.two-answers", told))
    if agreement.task == "survival":
        told = {"case": "event", "column": str(agreement.event), "value": agreement.classes[-1]}
        notices.append(Notice("note", "study.positive", told))
    return tuple(notices)


def _counting(table: CutTable) -> list[str]:
    """Return inputs that count the rows of all sites, where no site's own rows show it."""
    counting = []
    for column in table.agreement.columns:
        found = [one.table.columns.get(column.name) for one in table.whole.values()]
        values = np.concatenate(
            [numbers_of(one, column.kind) for one in found if one is not None] or [np.empty(0)]
        )
        values = values[~np.isnan(values)]
        if column.kind == "numeric" and len(values) and looks_like_identifier(column.name, values):
            counting.append(column.name)
    return counting


def own_table(source: TableSource, study: Study, path: Path, name: str) -> SiteTable:
    """Return a site's parts from its own file, as a process that holds all sites' gets them.

    Raises:
        DataError: the file, or a column that the study names; or it cannot be cut.
    """
    own, described = read_studied(source, study, path, alone=name), described_preparation(study)
    if described is None:
        own = read_again(own, source)
    else:
        own, deviations = within_bounds(own, study, described)
        own = replace(own, notes=(*own.notes, *(one.in_words() for one in deviations)))
    train, test = cut_of(study, [positions(own, np.arange(own.rows), name)])[name]
    return SiteTable(take_study_rows(own, _at(train)), take_study_rows(own, _at(test)))


def positions(studied: StudyRows, which: NDArray[np.int64], name: str) -> SiteRows:
    """Return rows that hold nothing but their positions: what cutting needs, and no more."""
    labels = studied.label if len(studied.label) else as_numbers(studied.target).astype(np.float32)
    x, time = which.astype(np.float32)[:, None], time_of_rows(studied)
    time = None if time is None else time[which]
    return SiteRows(name, x, labels[which], studied.person[which], time)


def _at(rows: SiteRows) -> NDArray[np.int64]:
    return rows.x[:, 0].astype(np.int64)


def _position_schema(studied: StudyRows) -> Schema:
    position = Feature("position", "position in the table", "numeric")
    return Schema((position,), "target", "multiclass" if len(studied.label) else "regression")


def described_table(source: TableSource, agreement: AgreedPreparation | None) -> DataSet:
    """Return what a study's table is, without rows; of its inputs only what is agreed."""
    name = Path(source.table).name
    schema = (
        Schema((), source.target, source.task or "binary")
        if agreement is None
        else input_schema(agreement)
    )
    return DataSet(
        Path(name).stem, f"{name}, a table of the members' own", schema, (),
        "as its members allow", "", "", (),
    )  # fmt: skip
