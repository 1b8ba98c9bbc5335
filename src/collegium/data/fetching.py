"""A data set's files, all of them here and the originals; for a folder that goes where no net is.

What is written has the layout of `$COLLEGIUM_DATA`, so a copy of the folder serves any machine.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from collegium.data.collection import Collection
from collegium.data.originals import read_derived, read_original, write_whole
from collegium.data.registered import RegisteredDataSet


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here: its name in the data set's folder, its digest, its size in bytes.

    The digest of a derived file is that of the arrays in it.
    """

    name: str
    sha256: str
    size: int


def fetch(wanted: RegisteredDataSet | Collection, to: Path | None = None) -> tuple[Fetched, ...]:
    """Find, or download, every file that a study of a data set reads, and check it.

    Args:
        wanted: a data set or a collection.
        to: a folder for data sets; what is found is written there too, in the data set's own
            folder.

    Raises:
        DataError: a file is nowhere and cannot be downloaded, or is not the original.
        OSError: it cannot be written.
    """
    found = []
    if isinstance(wanted, RegisteredDataSet):
        wanted.load()
    derived = wanted.derived if isinstance(wanted, RegisteredDataSet) else ()
    made_of = {original.name for one in derived for original in one.originals}
    for file in wanted.files:
        if file.name in made_of:
            continue
        beside = (
            wanted.beside() if isinstance(wanted, RegisteredDataSet) and wanted.beside else None
        )
        data = read_original(wanted.name, wanted.folder, file, beside=beside)
        found.append(Fetched(file.name, sha256(data).hexdigest(), len(data)))
        if to is not None:
            write_whole(to / wanted.folder / file.name, data)
    for one in derived:
        arrays = read_derived(wanted.name, wanted.folder, one)
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **arrays)
        found.append(Fetched(one.name, one.digest, packed.tell()))
        if to is not None:
            write_whole(to / wanted.folder / one.name, packed.getvalue())
    return tuple(found)
