"""Activities of thirty persons with a phone at the waist (UCI HAPT): a person is a site.

10,411 windows of six activities. The nine persons that the data's authors tested on are no sites:
their windows are an evaluator's, who asks how a model does on people it has never seen. Windows
of one person resemble each other and overlap: cut by person or by time, never by window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collegium.data.activity.recordings import COUNTS_A_G, RECORDINGS
from collegium.data.activity.windows import AXES, SAMPLES, features, numbers_of, window_starts
from collegium.data.originals import Arrays, read_derived
from collegium.data.registered import DataSetRows, RegisteredDataSet, read_only
from collegium.data.table import Feature, Schema, SiteRows, encode

NAME = "uci_hapt"
SIGNALS_NAME = "uci_hapt_signals"
FOLDER = "uci_hapt_wearable"

Encoded = Callable[[Arrays, NDArray[np.int64]], NDArray[np.float32]]
"""Makes inputs of windows that begin at given samples of recordings."""

ACTIVITIES = ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying")
UNSEEN = (2, 4, 9, 10, 12, 13, 18, 20, 24)
"""The test persons of the data's authors."""

SCHEMA = Schema(
    features=features(), target="activity", task="multiclass", classes=ACTIVITIES,
)  # fmt: skip

CHANNELS = tuple(
    (f"{sensor}_{axis}", unit)
    for sensor, unit in (("acceleration", "g"), ("rotation", "rad/s"))
    for axis in AXES
)

SIGNAL_SCHEMA = Schema(
    features=tuple(
        Feature(
            f"{name}_{sample:03d}", f"{name.replace('_', ', ')}, sample {sample + 1}", "numeric",
            unit, 0.0, 1.0,
        )
        for name, unit in CHANNELS
        for sample in range(SAMPLES)
    ),
    target="activity", task="multiclass", classes=ACTIVITIES,
)  # fmt: skip
"""The windows themselves: six channels of 128 samples, one after another."""

PORTION = 2000
"""Windows that are worked on together, to bound memory."""


@cache
def load() -> DataSetRows:
    """Return the windows of 21 persons as sites, and those of the nine others, as numbers."""
    return rows_of(read_derived(NAME, FOLDER, RECORDINGS))


@cache
def load_signals() -> DataSetRows:
    """Return the same windows as they are, for networks that find their own numbers."""
    return rows_of(read_derived(SIGNALS_NAME, FOLDER, RECORDINGS), encode_signals)


def rows_of(recordings: Arrays, encoded: Encoded | None = None) -> DataSetRows:
    """Return the windows of recordings by person, in order of time.

    Args:
        recordings: as `recordings.arrays_of` gives them.
        encoded: makes inputs of windows; `encode_windows` if None.
    """
    label = recordings["label"].astype(np.int64)
    user = recordings["user"].astype(np.int64)
    basic = np.where(label <= len(ACTIVITIES), label, 0)
    starts = window_starts(basic, user * 100 + recordings["exp"])
    x = (encoded or encode_windows)(recordings, starts)
    persons = np.unique(user).tolist()
    begins = {person: int(np.argmax(user == person)) for person in persons}
    found = {}
    for person in persons:
        own = user[starts] == person
        first = starts[own] - begins[person]
        found[person] = read_only(
            SiteRows(
                f"person-{person:02d}", x[own], basic[starts[own]] - 1,
                np.full(int(own.sum()), person, dtype=np.int64),
                np.stack([first, first + SAMPLES - 1], axis=1),
            )
        )  # fmt: skip
    return DataSetRows(
        tuple(rows for person, rows in found.items() if person not in UNSEEN),
        tuple(rows for person, rows in found.items() if person in UNSEEN),
    )


def encode_windows(recordings: Arrays, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the model inputs of windows that begin at given samples, float32 [windows, 119]."""
    blocks = []
    for acceleration, rotation in _windows(recordings, starts):
        numbers = numbers_of(acceleration, rotation)
        columns = {one.name: numbers[:, at] for at, one in enumerate(SCHEMA.features)}
        blocks.append(encode(SCHEMA, columns))
    return np.concatenate(blocks)


def encode_signals(recordings: Arrays, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return windows as inputs, float32 [windows, 768]: channel by channel, sample by sample."""
    blocks = [
        np.concatenate([acceleration, rotation], axis=2).transpose(0, 2, 1).astype(np.float32)
        for acceleration, rotation in _windows(recordings, starts)
    ]
    together = np.concatenate(blocks)
    return together.reshape(len(together), -1)


def _windows(
    recordings: Arrays, starts: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield portions of windows: acceleration in g and rotation in rad/s."""
    for at in range(0, len(starts), PORTION):
        samples = starts[at : at + PORTION, None] + np.arange(SAMPLES)
        acceleration = recordings["acc_counts_720"][samples] / COUNTS_A_G
        yield acceleration, recordings["gyro"][samples].astype(np.float64)


ACTIVITY = RegisteredDataSet(
    name=NAME,
    title="Activities of thirty persons (UCI HAPT)",
    schema=SCHEMA,
    license="CC BY 4.0",
    citation=(
        "Reyes-Ortiz, J., Oneto, L., Samà, A., Parra, X., & Anguita, D. (2015). Smartphone-Based "
        "Recognition of Human Activities and Postural Transitions [Dataset]. UCI Machine Learning "
        "Repository. https://doi.org/10.24432/C54G7M"
    ),
    url="https://archive.ics.uci.edu/dataset/341/",
    folder=FOLDER,
    files=RECORDINGS.originals,
    sites=tuple(
        (f"person-{person:02d}", windows)
        for person, windows in zip(
            (person for person in range(1, 31) if person not in UNSEEN),
            (
                347, 344, 301, 326, 306, 284, 321, 321, 334, 366, 377, 363, 413, 323, 375, 413,
                396, 382, 384, 346, 393,
            ),
            strict=True,
        )
    ),
    unseen=tuple(
        (f"person-{person:02d}", windows)
        for person, windows in zip(
            UNSEEN, (304, 314, 299, 298, 327, 328, 380, 359, 387), strict=True
        )
    ),
    load=load,
    derived=(RECORDINGS,),
)  # fmt: skip
"""As a study document names it: ``uci_hapt``."""

SIGNALS = replace(
    ACTIVITY, name=SIGNALS_NAME, title="The same windows as raw signals (UCI HAPT)",
    schema=SIGNAL_SCHEMA, load=load_signals,
)  # fmt: skip
"""As a study document names it: ``uci_hapt_signals``."""
