"""What a run's processes share: training rows and parameters, in one file that has no name.

The file lies in memory where the system has such files, else among the temporary ones. It is gone
when the last process that holds it ends, however it ends. Its pages are taken as they are written.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.learning.models import ModelSpec
from collegium.learning.trainer import Trainer

_LINE = 64
"""Bytes to which arrays are aligned: a line of the processor's cache."""

VECTORS_A_SITE = 4
"""A site's start, anchor, correction and result."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteTable:
    """One site's training rows.

    Attributes:
        x: float32 [n, inputs].
        y: the rows' targets, [n] or [n, k].
        units: int64 [n], whom each row belongs to, where training has differential privacy.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    units: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """Who trains what, and where in the file it lies: all sites' rows one after another."""

    trainer: Trainer
    spec: ModelSpec
    sites: tuple[str, ...]
    counts: tuple[int, ...]
    x: _Place
    y: _Place
    units: _Place | None
    vectors: _Place


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A study's local work as a process sees it.

    Attributes:
        trainer: does the work.
        spec: the model.
        sites: names, in order.
        tables: their rows.
        vectors: float32 [4 * sites, d], room for what goes in and comes out.
    """

    trainer: Trainer
    spec: ModelSpec
    sites: tuple[str, ...]
    tables: tuple[SiteTable, ...]
    vectors: NDArray[np.float32]


def shared(
    trainer: Trainer, spec: ModelSpec, size: int, tables: Mapping[str, SiteTable]
) -> tuple[int, int, Shared]:
    """Put a study's local work into a new file.

    Returns the file's descriptor, where in it the description begins, and what lies in it.

    Args:
        trainer: does the work.
        spec: the model, of `size` parameters.
        size: d.
        tables: each site's rows, all of one kind.
    """
    end = 0
    rows = [len(one.x) for one in tables.values()]
    first = next(iter(tables.values()))

    def placed(length: int, like: NDArray[Any]) -> _Place:
        nonlocal end
        place = _Place(end, (length, *like.shape[1:]), like.dtype.str)
        end += -(-prod(place.shape) * like.itemsize // _LINE) * _LINE
        return place

    x, y = placed(sum(rows), first.x), placed(sum(rows), first.y)
    units = None if first.units is None else placed(sum(rows), first.units)
    vectors = placed(VECTORS_A_SITE * len(tables), np.empty((0, size), np.float32))
    layout = _Layout(trainer, spec, tuple(tables), tuple(rows), x, y, units, vectors)
    description = pickle.dumps(layout)
    descriptor = _file(end + len(description))
    memory = mmap.mmap(descriptor, end + len(description))
    memory[end:] = description
    np.concatenate([one.x for one in tables.values()], out=_array(memory, x))
    np.concatenate([one.y for one in tables.values()], out=_array(memory, y))
    if units is not None:
        own = [one.units for one in tables.values() if one.units is not None]
        np.concatenate(own, out=_array(memory, units))
    return descriptor, end, _seen(memory, layout)


def alike(tables: Mapping[str, SiteTable]) -> bool:
    """Whether all sites' rows are of one kind, so that they can lie one after another."""

    def kind(values: NDArray[Any] | None) -> object:
        return None if values is None else (values.dtype, values.shape[1:])

    return len({(kind(one.x), kind(one.y), kind(one.units)) for one in tables.values()}) <= 1


def attached(descriptor: int, described_at: int) -> Shared:
    """Return what lies in a file that another process made; the descriptor is closed."""
    memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    os.close(descriptor)
    return _seen(memory, pickle.loads(memory[described_at:]))  # noqa: S301 - of our own making


def _file(length: int) -> int:
    """Return the descriptor of a new file of zeros."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("collegium")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, length)
    return descriptor


def _array(memory: mmap.mmap, place: _Place) -> NDArray[Any]:
    found = np.frombuffer(memory, place.kind, prod(place.shape), place.offset)
    return found.reshape(place.shape)


def _seen(memory: mmap.mmap, layout: _Layout) -> Shared:
    x, y = _array(memory, layout.x), _array(memory, layout.y)
    units = None if layout.units is None else _array(memory, layout.units)
    tables, first = [], 0
    for rows in layout.counts:
        part = slice(first, first + rows)
        tables.append(SiteTable(x[part], y[part], None if units is None else units[part]))
        first += rows
    return Shared(
        layout.trainer, layout.spec, layout.sites, tuple(tables), _array(memory, layout.vectors)
    )
