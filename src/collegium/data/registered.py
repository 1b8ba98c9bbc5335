"""A registered data set: what it is can be told without its rows, which may have to be fetched.

What a study, a listing and a report must know (columns, sites, licence, citation) is in the
package; the rows are in files that the package does not bring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collegium.data.originals import Derived
from collegium.data.table import DataSet, Schema, SiteRows, SourceFile


@dataclass(frozen=True, slots=True)
class DataSetRows:
    """The rows of a data set by natural site, and those that an evaluator keeps."""

    sites: tuple[SiteRows, ...]
    unseen: tuple[SiteRows, ...] = ()


@dataclass(frozen=True, slots=True)
class VerticalParty:
    """Who holds which columns of the same persons, where columns are held apart."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredDataSet:
    """A data set as the package knows it; calling it reads the rows.

    Attributes:
        name: what a study document says.
        title: one line.
        schema: the columns and the question.
        license: a name that can be looked up, with what it forbids.
        citation: of the data.
        url: where the original is described.
        folder: where its files lie in a folder of data sets.
        files: the originals that it reads.
        derived: files that it reads instead of originals, each with its recipe.
        sites: how many rows each natural site has.
        unseen: how many rows an evaluator keeps, by name.
        made_up: how its natural sites were made, empty where institutions or persons are sites.
        load: reads the rows.
        caution: what a study of it must not forget; `check` and the report say it.
        target_unit: a number's usual value and spread, in which models learn it.
        key: the column by which holders of columns find the same persons.
        holders: who holds which columns, empty where each site has all of them.
        beside: where an installed package has a copy of the files.
    """

    name: str
    title: str
    schema: Schema
    license: str
    citation: str
    url: str
    folder: str
    files: tuple[SourceFile, ...]
    sites: tuple[tuple[str, int], ...]
    load: Callable[[], DataSetRows]
    unseen: tuple[tuple[str, int], ...] = ()
    derived: tuple[Derived, ...] = ()
    made_up: str = ""
    caution: str = ""
    target_unit: tuple[float, float] | None = None
    key: str = ""
    holders: tuple[VerticalParty, ...] = ()
    beside: Callable[[], Path | None] | None = None

    def described(self) -> DataSet:
        """Return the data set without any row."""
        return self._with(DataSetRows(()))

    def __call__(self) -> DataSet:
        """Return the data set with its rows.

        Raises:
            DataError: its files are not there and cannot be had, or are not the originals.
        """
        return self._with(self.load())

    def _with(self, rows: DataSetRows) -> DataSet:
        return DataSet(
            self.name, self.title, self.schema, rows.sites, self.license, self.citation,
            self.url, self.files, rows.unseen, self.made_up, self.caution,
            self.target_unit,
        )  # fmt: skip


def read_only(rows: SiteRows) -> SiteRows:
    """Return rows that nobody can write into, as loaders that are asked once share them."""
    arrays: tuple[Any, ...] = (rows.x, rows.y, rows.person, rows.time, rows.published)
    for array in arrays:
        if array is not None:
            array.setflags(write=False)
    return rows
