"""The raw recordings of the HAPT data, from the archive as it is published.

The original is a zip archive with a text file of three columns for each recording and sensor
(``acc_exp01_user01.txt`` in g, ``gyro_exp01_user01.txt`` in rad/s, 50 Hz) and ``labels.txt``
with a line for each labelled stretch: recording, person, activity, first and last sample from 1.
The accelerometer counts in 1/720 g, so its values are kept exactly as small integers.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.data.originals import Arrays, Derived
from collegium.data.table import SourceFile
from collegium.errors import DataError

ARCHIVE = "smartphone+based+recognition+of+human+activities+and+postural+transitions.zip"
COUNTS_A_G = 720
UNLABELLED = -1

_NAME = re.compile(r"(?:.*/)?acc_exp(\d+)_user(\d+)\.txt")


def arrays_of(files: Mapping[str, bytes]) -> Arrays:
    """Return the recordings of an archive, one after another, by person and then as recorded.

    ``acc_counts_720`` is int16 [samples, 3], ``gyro`` float32 [samples, 3], ``label`` int8,
    ``user`` int8 from 1, ``exp`` int8: the person's first recording is 0.

    Raises:
        DataError: the archive is not what is described above.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(files[ARCHIVE])) as archive:
            return _recordings(archive)
    except (zipfile.BadZipFile, KeyError, ValueError, OverflowError) as error:
        raise DataError(
            "data.file-changed", f"{ARCHIVE} is not the archive of the HAPT data", str(error),
            "remove it, and it is downloaded again",
        ) from error  # fmt: skip


def _recordings(archive: zipfile.ZipFile) -> Arrays:
    found = sorted(
        (int(match[2]), int(match[1]), name)
        for name in archive.namelist()
        if (match := _NAME.fullmatch(name))
    )
    folder = found[0][2].rpartition("acc_")[0] if found else ""
    stretches = _table(archive, f"{folder}labels.txt").astype(np.int64)
    pieces: dict[str, list[NDArray[Any]]] = {
        name: [] for name in ("acc_counts_720", "gyro", "label", "user", "exp")
    }
    last, turn = 0, 0
    for person, recording, name in found:
        last, turn = person, turn + 1 if person == last else 0
        counts = _table(archive, name) * COUNTS_A_G
        label = np.full(len(counts), UNLABELLED, dtype=np.int8)
        for _, _, activity, first, until in stretches[stretches[:, 0] == recording]:
            label[first - 1 : until] = activity
        pieces["acc_counts_720"].append(np.rint(counts).astype(np.int16))
        rotation = _table(archive, name.replace("acc_", "gyro_"))
        pieces["gyro"].append(rotation.astype(np.float32))
        pieces["label"].append(label)
        pieces["user"].append(np.full(len(counts), person, dtype=np.int8))
        pieces["exp"].append(np.full(len(counts), turn, dtype=np.int8))
    return {name: np.concatenate(own) for name, own in pieces.items()}


def _table(archive: zipfile.ZipFile, name: str) -> NDArray[np.float64]:
    return np.loadtxt(io.StringIO(archive.read(name).decode("ascii")), dtype=np.float64, ndmin=2)


RECORDINGS = Derived(
    name="hapt_raw.npz",
    digest="1b406c7146c009489a33fa9fe4019d9cbfa0ab6ad62ea162bf83cce26eb4f517",
    originals=(
        SourceFile(ARCHIVE, "", f"https://archive.ics.uci.edu/static/public/341/{ARCHIVE}"),
    ),
    recipe=arrays_of,
)
"""The 61 recordings; the published archive is known by the digest of what is made of it."""
