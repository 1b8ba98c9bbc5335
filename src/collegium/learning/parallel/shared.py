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
    """Who trains what, and where in the file it lies."""

    trainer: Trainer
    spec: ModelSpec
    sites: tuple[str, ...]
    tables: tuple[tuple[_Place, _Place, _Place | None], ...]
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
        tables: each site's rows.

    Raises:
        pickle.PicklingError, AttributeError, TypeError: trainer or model cannot be handed over.
    """
    end = 0

    def placed(shape: tuple[int, ...], kind: np.dtype[Any]) -> _Place:
        nonlocal end
        place = _Place(end, shape, kind.str)
        end += -(-int(np.prod(shape)) * kind.itemsize // _LINE) * _LINE
        return place

    places = tuple(
        (
            placed(one.x.shape, one.x.dtype), placed(one.y.shape, one.y.dtype),
            None if one.units is None else placed(one.units.shape, one.units.dtype),
        )
        for one in tables.values()
    )  # fmt: skip
    vectors = placed((VECTORS_A_SITE * len(tables), size), np.dtype(np.float32))
    layout = _Layout(trainer, spec, tuple(tables), places, vectors)
    description = pickle.dumps(layout)
    descriptor = _file(end + len(description))
    memory = mmap.mmap(descriptor, end + len(description))
    memory[end:] = description
    found = _seen(memory, layout)
    for into, one in zip(found.tables, tables.values(), strict=True):
        into.x[...] = one.x
        into.y[...] = one.y
        if into.units is not None and one.units is not None:
            into.units[...] = one.units
    return descriptor, end, found


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


def _seen(memory: mmap.mmap, layout: _Layout) -> Shared:
    def array(place: _Place) -> NDArray[Any]:
        count = int(np.prod(place.shape))
        return np.frombuffer(memory, place.kind, count, place.offset).reshape(place.shape)

    tables = tuple(
        SiteTable(array(x), array(y), None if units is None else array(units))
        for x, y, units in layout.tables
    )
    return Shared(layout.trainer, layout.spec, layout.sites, tables, array(layout.vectors))
