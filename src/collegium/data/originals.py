"""Where a data set's original files are: a folder that the user names, the cache, or the net.

Nothing is taken that does not have the registered SHA-256, wherever it was found. A file that is
made from originals is known by the digest of the arrays in it, so that whoever makes it again,
with whatever library, can show that it is the same.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.downloading import download
from collegium.data.table import SourceFile
from collegium.errors import DataError, reason_of

FOLDER = "COLLEGIUM_DATA"
"""The variable that names a folder with a folder for each data set."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Derived:
    """A file of arrays that a recipe makes from originals.

    Attributes:
        name: the file's name, a NumPy archive.
        digest: `arrays_digest` of what is in it, hex.
        originals: what it is made from.
        recipe: makes the arrays from the originals' bytes by name.
    """

    name: str
    digest: str
    originals: tuple[SourceFile, ...]
    recipe: Callable[[Mapping[str, bytes]], Arrays]


def cache_folder() -> Path:
    """Return the user's cache of data sets, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "collegium" / "data"


def places(folder: str) -> tuple[Path, ...]:
    """Return where files of a data set are looked for, in order."""
    named = os.environ.get(FOLDER, "")
    return (*((Path(named) / folder,) if named else ()), cache_folder() / folder)


def read_original(
    dataset: str, folder: str, file: SourceFile, *, beside: Path | None = None
) -> bytes:
    """Return the bytes of an original: from a place where it lies, or downloaded into the cache.

    A copy may be compressed: ``rows.csv`` is found as ``rows.csv.gz`` too.

    Args:
        dataset: its name, for messages.
        folder: the data set's folder in each place.
        file: what is wanted.
        beside: where an installed package has a copy; it counts if it is the original.

    Raises:
        DataError: it is nowhere and cannot be downloaded, or what is there is not the original.
    """
    for place in places(folder):
        for path in (place / file.name, place / f"{file.name}.gz"):
            if path.is_file():
                return _checked(path, file)
    if beside is not None and beside.is_file():
        data = beside.read_bytes()
        if sha256(data).hexdigest() == file.sha256:
            return data
    return _downloaded(dataset, folder, file)


def read_derived(dataset: str, folder: str, derived: Derived) -> Arrays:
    """Return the arrays of a derived file; it is made, and kept in the cache, where it is absent.

    Raises:
        DataError: as `read_original`, or what is there or was made is not what is registered.
    """
    for place in places(folder):
        path = place / derived.name
        if path.is_file():
            return _known(_loaded(path), derived, str(path))
    originals = {file.name: read_original(dataset, folder, file) for file in derived.originals}
    made = _known(derived.recipe(originals), derived, f"what was made of {', '.join(originals)}")
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **made)
    _keep(cache_folder() / folder / derived.name, packed.getvalue())
    return made


def write_whole(target: Path, data: bytes) -> None:
    """Write a file, whole or not at all, with the folders that it needs.

    Raises:
        OSError: it cannot be written.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(data)
    partial.replace(target)


def arrays_digest(arrays: Arrays) -> str:
    """Return the SHA-256 over names, types, shapes and little-endian bytes, in order of names."""
    state = sha256(b"collegium/arrays/v1\0")
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        state.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        state.update(array.tobytes())
    return state.hexdigest()


def _known(arrays: Arrays, derived: Derived, what: str) -> Arrays:
    if arrays_digest(arrays) == derived.digest:
        return arrays
    raise _changed(what, "the arrays in it have another digest than the registered one")


def _loaded(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as error:
        raise _changed(str(path), reason_of(error)) from error


def _checked(path: Path, file: SourceFile) -> bytes:
    try:
        data = path.read_bytes()
        if path.name != Path(file.name).name:
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise _changed(str(path), reason_of(error)) from error
    if file.sha256 and sha256(data).hexdigest() != file.sha256:
        raise _changed(str(path), "its SHA-256 differs from the registered one")
    return data


def _downloaded(dataset: str, folder: str, file: SourceFile) -> bytes:
    why = "it has no address to be downloaded from"
    data, target = None, cache_folder() / folder / file.name
    partial = target.with_name(f".{target.name}.part")
    for begun in (partial.is_file(), False) if file.url else ():
        try:
            data = download(file.url, partial)
        except (OSError, HTTPException) as error:
            why = f"downloading it failed: {error}"
            break
        if not file.sha256 or sha256(data).hexdigest() == file.sha256:
            break
        why, data = "what its address gives has another SHA-256", None
        if not begun:  # else a beginning of another version may have been gone on from
            break
    if data is None:
        looked = " nor in ".join(str(place) for place in places(folder))
        unset = "" if os.environ.get(FOLDER) else f" ({FOLDER} is not set)"
        named = f"{dataset!r}, file {file.name}"
        raise DataError(
            "data.not-here",
            f"the data set {named}, is not on this machine",
            f"it is not in {looked}{unset}, and {' '.join(why.split())}",
            f"put {file.url or file.name} there, or set {FOLDER} to a folder that holds {folder}/",
        )
    _keep(target, data)
    return data


def _keep(target: Path, data: bytes) -> None:
    try:
        write_whole(target, data)
    except OSError as error:
        raise DataError(
            "data.cache", f"{target} cannot be written", reason_of(error),
            "make room or give access, or set XDG_CACHE_HOME to another folder",
        ) from error  # fmt: skip


def _changed(what: str, why: str) -> DataError:
    return DataError(
        "data.file-changed", f"{what} is not the original", " ".join(why.split()),
        "put the original file there, or remove this one and it is downloaded again",
    )  # fmt: skip
