"""A user's table from a Parquet file: columns have types, and no cell needs to be judged.

Reading needs Apache Arrow (the extra ``parquet``), which is imported here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from collegium.data.tabular.columns import Column, Kind, as_words, cleaned, read_as, read_together
from collegium.data.tabular.number_notation import Notation
from collegium.errors import DataError, reason_of

MAGIC = b"PAR1"
"""With which every Parquet file begins."""

_DAY = 86_400_000_000
"""Microseconds."""


def is_parquet(path: Path) -> bool:
    """Return whether a file is Parquet, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def parquet_names(path: Path) -> list[str]:
    """Return the names of a file's columns, in order.

    Raises:
        DataError: it cannot be read, or what reads it is not installed.
    """
    return [str(name) for name in _opened(path).schema_arrow.names]


def parquet_cells(path: Path, name: str) -> tuple[str, ...]:
    """Return a column's cells as text, whatever its type; a missing one is empty.

    Raises:
        DataError: the file is damaged.
    """
    import pyarrow as pa

    try:
        column = _opened(path).read(columns=[name]).column(name)
        return tuple("" if one is None else one for one in column.cast(pa.string()).to_pylist())
    except (OSError, ValueError) as error:  # what has no text is a pyarrow.ArrowInvalid too
        raise _damaged(path, reason_of(error)) from error


def parquet_columns(
    path: Path,
    named: Mapping[str, tuple[str, str]],
    declared: Mapping[str, Kind],
    *,
    only: Mapping[str, Kind] | None = None,
) -> Iterator[Column | str]:
    """Yield the columns of a file, and in words what of it is no cell.

    Args:
        path: the file.
        named: by the file's name of a column that name without its unit, and the unit.
        declared: by name, how a column is to be read whatever its type.
        only: in place of that, how each column is read, each cell by itself.

    Raises:
        DataError: the file is damaged.
    """
    try:
        table = _opened(path).read(columns=list(named))
    except (OSError, ValueError) as error:
        raise _damaged(path, reason_of(error)) from error
    for of_file, (name, unit) in named.items():
        kind, by_row = (declared if only is None else only).get(name), only is not None
        found, notes = _column(table.column(of_file), name, unit, kind, by_row=by_row)
        yield found or f"column {name!r} of {path.name} holds no cells that are read: left out"
        yield from notes


def _column(
    cells: Any, name: str, unit: str, declared: Kind | None, *, by_row: bool
) -> tuple[Column | None, list[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells = cells.cast(kind.value_type)
        kind = cells.type
    if pa.types.is_boolean(kind):
        cells = pc.if_else(cells, "True", "False")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _of_numbers(cells.cast(pa.float64(), safe=False), name, unit, declared), []
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        moments = cells.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        values = moments.cast(pa.float64(), safe=False).to_numpy() / _DAY
        empty = bool(np.isnan(values).all())
        return Column(name, unit, "empty" if empty else "date", values, None, ()), []
    elif pa.types.is_null(kind):
        return Column(name, unit, "empty", np.full(len(cells), np.nan), None, ()), []
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None, []
    coded = pa.concat_arrays(cells.cast(pa.string()).chunks or [pa.array([], pa.string())])
    coded = coded.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    words = tuple(coded.dictionary.to_pylist())
    if by_row and declared is not None:
        own = Notation(ends=declared == "numeric")
        return read_as(declared, name, unit, *cleaned(codes, words, own)), []
    return read_together(name, unit, codes, words, declared, separates=None)


def _of_numbers(cells: Any, name: str, unit: str, declared: Kind | None) -> Column:
    values = cells.to_numpy().astype(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    kind: Kind = "empty" if np.isnan(values).all() else "numeric"
    column = Column(name, unit, kind, values, None, ())
    if declared != "categorical" or kind == "empty":
        return column
    codes, words = as_words(column)
    return Column(name, unit, "categorical", None, codes, words)


def _opened(path: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise DataError(
            "data.needs-package", f"{path} is a Parquet file, and pyarrow is not installed",
            "the base installation reads CSV", "pip install 'collegium[parquet]', or export CSV",
        ) from error  # fmt: skip
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, reason_of(error)) from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        "data.malformed", f"{path} is not a sound Parquet file", why.splitlines()[0][:200],
        "export the table again",
    )  # fmt: skip
