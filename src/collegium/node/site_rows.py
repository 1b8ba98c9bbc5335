"""This member's rows and no others: from its source, cut as a simulation cuts them.

A partition in a study says how its sites came to be. A CSV file and a loader hold one site's rows
already; from a registered data set, which holds everybody's, the site is taken out of the
partition. The cut into a training and a test part depends on the site's own rows and the seed
alone, so a node and a simulation agree on it bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from collegium.assembly.parts import Parts, load_dataset
from collegium.assembly.tables import own_table
from collegium.data.checking import check_dataset
from collegium.data.partition import partition
from collegium.data.site_table import read_site
from collegium.data.split import split
from collegium.data.table import DataSet, SiteRows
from collegium.data.tabular.agreed_preparation import AgreedPreparation
from collegium.data.tabular.preparation import encode_study_rows
from collegium.errors import CollegiumError, NodeError
from collegium.mechanisms.statistics.speaking import SiteTable
from collegium.node.config import DataSource
from collegium.study.document import Study


@dataclass(frozen=True, slots=True, eq=False)
class OwnSiteRows:
    """The training and the test part of one site's rows.

    `notes` tell what of its file is not as the study's document says, by column and row.
    """

    train: SiteRows
    test: SiteRows
    notes: tuple[str, ...] = ()


def own_rows(
    source: DataSource, home: Path, study: Study, dataset: DataSet, member: str
) -> OwnSiteRows:
    """Return a member's rows for a study.

    Args:
        source: where the rows are.
        home: the member's home; the path of a CSV file is taken from there.
        study: names the data set and says how to cut.
        dataset: what the study's data mean; its own rows are not looked at.
        member: the member's id, which is the site's name.

    Raises:
        CollegiumError: the rows cannot be had, or are not what the data set's schema says.
    """
    if source.csv is not None:
        rows = read_site(
            home / source.csv, dataset.schema, member, source.person, time=source.time,
            published=source.published,
        )  # fmt: skip
    elif source.loader is not None:
        rows = _loaded(source.loader, study)
    else:
        rows = _taken(source, study)
    rows = replace(rows, name=member)
    check_dataset(replace(dataset, sites=(rows,)))
    part = study.data.split
    return OwnSiteRows(*split(rows, part.test, study.study.seed, part.by))


def own_site_table(source: DataSource, home: Path, study: Study, member: str) -> SiteTable:
    """Return the parts of a member's own table, for a study of tables.

    Raises:
        CollegiumError: the node names no CSV file, or the file is not what the study needs.
    """
    if source.csv is None or isinstance(study.data.source, str):
        raise NodeError(
            "node.data", "the study is about tables, and this node names none",
            "[data] of node.toml has no csv", "name this member's own table there: csv = \"…\"",
        )  # fmt: skip
    return own_table(study.data.source, study, home / source.csv, member)


def encoded_rows(agreement: AgreedPreparation, table: SiteTable, member: str) -> OwnSiteRows:
    """Return a table's rows as the model sees them, by what the sites agreed on.

    Raises:
        DataError: a part has no row of a class that was agreed.
    """
    return OwnSiteRows(
        encode_study_rows(agreement, table.train, member),
        encode_study_rows(agreement, table.test, member),
    )


def own_described_rows(
    source: DataSource, home: Path, study: Study, parts: Parts, member: str
) -> OwnSiteRows:
    """Return a member's rows of its own table, whose columns the study's document describes.

    Raises:
        CollegiumError: as `own_site_table`, or no row is as the document says.
    """
    if parts.agreement is None:
        raise TypeError("the study's document describes no columns")
    table = own_site_table(source, home, study, member)
    rows = replace(encoded_rows(parts.agreement, table, member), notes=table.train.notes)
    for part in (rows.train, rows.test):
        check_dataset(replace(parts.dataset, sites=(part,)))
    return rows


def _taken(source: DataSource, study: Study) -> SiteRows:
    if source.dataset is None or source.dataset != study.data.source:
        raise NodeError(
            "node.data", f"the study is about {study.data.source!r}",
            f"this node holds {source.dataset!r}", "name the study's data in node.toml, or let it",
        )  # fmt: skip
    sites = partition(load_dataset(source.dataset), study.data.partition, study.study.seed)
    for rows in sites:
        if rows.name == source.site:
            return rows
    raise NodeError(
        "node.data", f"{study.data.source!r} has no site {source.site!r} in this study",
        f"its sites are {', '.join(rows.name for rows in sites)}", "name one of them in node.toml",
    )  # fmt: skip


def _loaded(loader: str, study: Study) -> SiteRows:
    module, _, function = loader.partition(":")
    try:
        rows = getattr(import_module(module), function)(study)
    except CollegiumError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise NodeError(
            "node.loader", f"the loader {loader} fails", why, "repair it, or name another one"
        ) from error
    if not isinstance(rows, SiteRows):
        raise NodeError(
            "node.loader", f"the loader {loader} fails",
            f"it returns {type(rows).__name__} instead of SiteRows",
            "return collegium.data.table.SiteRows",
        )  # fmt: skip
    return rows
