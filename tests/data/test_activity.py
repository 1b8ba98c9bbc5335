"""Activities: the published archive becomes recordings, recordings become windows by person."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.real import real

from collegium.data.activity import (
    ACTIVITIES,
    ACTIVITY,
    SCHEMA,
    SIGNALS,
    UNSEEN,
    encode_signals,
    rows_of,
)
from collegium.data.activity.recordings import ARCHIVE, RECORDINGS, arrays_of
from collegium.data.activity.windows import SAMPLES, numbers_of, window_starts
from collegium.data.checking import check_dataset
from collegium.data.originals import Arrays, arrays_digest, read_derived
from collegium.data.split import split
from collegium.errors import DataError


def recordings() -> Arrays:
    """Two recordings of person 1 and one of person 2, 700 samples each, as the archive has them."""
    generator = np.random.default_rng(3)
    samples = 3 * 700
    label = np.full(samples, -1, np.int8)
    for recording in range(3):
        label[recording * 700 + 10 : recording * 700 + 310] = 1 + recording
        label[recording * 700 + 310 : recording * 700 + 330] = 7
        label[recording * 700 + 330 : recording * 700 + 600] = 6
    return {
        "acc_counts_720": generator.integers(-700, 700, (samples, 3)).astype(np.int16),
        "gyro": generator.normal(size=(samples, 3)).astype(np.float32),
        "label": label,
        "user": np.repeat([1, 1, 2], 700).astype(np.int8),
        "exp": np.repeat([0, 1, 0], 700).astype(np.int8),
    }


def archive_of(arrays: Arrays) -> bytes:
    """The recordings written down as the published archive has them."""
    packed = io.BytesIO()
    lines = []
    with zipfile.ZipFile(packed, "w") as archive:
        for recording in range(3):
            own = slice(recording * 700, recording * 700 + 700)
            user = int(arrays["user"][own][0])
            name = f"exp{recording + 1:02d}_user{user:02d}.txt"
            for sensor, values in (
                ("acc", arrays["acc_counts_720"][own] / 720),
                ("gyro", arrays["gyro"][own].astype(np.float64)),
            ):
                text = "".join(" ".join(repr(float(v)) for v in row) + " \n" for row in values)
                archive.writestr(f"RawData/{sensor}_{name}", text)
            label = arrays["label"][own].astype(int)
            edges = np.flatnonzero(np.diff(label, prepend=-1, append=-1))
            for first, until in pairwise(edges.tolist()):
                lines.append(f"{recording + 1} {user} {label[first]} {first + 1} {until}\n")
        archive.writestr("RawData/labels.txt", "".join(lines))
        archive.writestr("README.txt", "about")
    return packed.getvalue()


def test_the_recipe_reads_the_published_archive_exactly() -> None:
    made = arrays_of({ARCHIVE: archive_of(recordings())})
    assert arrays_digest(made) == arrays_digest(recordings())


def test_another_archive_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("README.txt", "about")
    for content in (b"no archive", packed.getvalue()):
        with pytest.raises(DataError, match="HAPT"):
            arrays_of({ARCHIVE: content})


def test_windows_overlap_by_half_and_lie_in_one_stretch_of_one_activity() -> None:
    arrays = recordings()
    label = arrays["label"].astype(np.int64)
    stretch = arrays["user"].astype(np.int64) * 100 + arrays["exp"]
    starts = window_starts(label, stretch)
    # 300 samples of one activity hold (300 - 128) // 64 + 1 windows, 270 of another hold 3.
    assert starts[:6].tolist() == [10, 74, 138, 330, 394, 458]
    for begin in starts.tolist():
        own = slice(begin, begin + SAMPLES)
        assert len(set(label[own].tolist())) == 1
        assert len(set(stretch[own].tolist())) == 1


def test_two_recordings_that_meet_in_one_activity_are_not_joined() -> None:
    label = np.ones(2 * 200, np.int64)
    starts = window_starts(label, np.repeat([0, 1], 200))
    assert starts.tolist() == [0, 64, 200, 264]


def test_transitions_are_no_activity_and_persons_are_sites() -> None:
    rows = rows_of(recordings())
    assert [one.name for one in rows.sites] == ["person-01"]
    assert [one.name for one in rows.unseen] == ["person-02"]
    assert rows.sites[0].y.tolist() == [0] * 3 + [5] * 3 + [1] * 3 + [5] * 3


def test_the_latest_windows_are_tested_and_none_that_is_trained_on_overlaps_them() -> None:
    rows = rows_of(recordings()).sites[0]
    train, test = split(rows, 0.2, 7, "time")
    assert train.time is not None
    assert test.time is not None
    assert len(test.y) == 3
    assert train.time[:, 1].max() < test.time[:, 0].min()
    assert len(train.y) == 9, "the tested windows of the last stretch share nothing with the others"
    train, test = split(rows, 0.1, 7, "time")
    assert (len(train.y), len(test.y)) == (9, 2), "one overlaps the first that is tested"


def test_raw_signals_are_the_same_windows_channel_by_channel() -> None:
    arrays = recordings()
    numbers, raw = rows_of(arrays).sites[0], rows_of(arrays, encode_signals).sites[0]
    assert np.array_equal(numbers.y, raw.y)
    assert numbers.time is not None
    assert raw.time is not None
    assert np.array_equal(numbers.time, raw.time)
    begin = int(raw.time[1, 0])
    own = slice(begin, begin + SAMPLES)
    channels = raw.x[1].reshape(6, SAMPLES)
    assert np.allclose(channels[:3].T, arrays["acc_counts_720"][own] / 720, atol=1e-6)
    assert np.array_equal(channels[3:].T, arrays["gyro"][own])
    names = [feature.name for feature in SIGNALS.schema.features]
    assert (names[0], names[SAMPLES], names[-1]) == (
        "acceleration_x_000", "acceleration_y_000", "rotation_z_127",
    )  # fmt: skip


def signal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([values, np.zeros_like(values), np.ones_like(values)], axis=1)[None]


def test_numbers_say_what_their_names_say() -> None:
    time = np.arange(SAMPLES) / 50.0
    swing = 0.5 * np.sin(2 * np.pi * 5 * 50 / 128 * time)
    numbers = numbers_of(signal(swing), signal(2 * swing))[0]
    found = dict(zip([feature.name for feature in SCHEMA.features], numbers, strict=True))
    assert found["gravity_z"] == pytest.approx(1)
    assert found["gravity_x"] == pytest.approx(0, abs=1e-12)
    assert found["acceleration_x_rhythm"] == pytest.approx(5 * 50 / 128)
    assert found["acceleration_x_spread"] == pytest.approx(np.log10(0.5 / np.sqrt(2)))
    assert found["acceleration_y_spread"] == -3, "the sensor's noise"
    assert found["acceleration_x_most"] == pytest.approx(0.5, abs=0.01)
    # Amplitude 0.5 of one line of the spectrum is 0.25 on each side; band 3 is lines 5 to 7.
    assert found["acceleration_x_band3"] == pytest.approx(np.log10(0.25))
    assert found["acceleration_x_band1"] < -2.9
    assert found["correlation_1_5"] == pytest.approx(1)
    assert len(found) == 119 == 6 + 13 * 8 + 9


def test_the_recordings_give_10411_windows_of_thirty_persons() -> None:
    dataset = real(ACTIVITY)
    check_dataset(dataset)
    check_dataset(real(SIGNALS))
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == ACTIVITY.sites
    assert tuple((one.name, len(one.y)) for one in dataset.unseen) == ACTIVITY.unseen
    assert {int(one.person[0]) for one in dataset.unseen} == set(UNSEEN)
    y = np.concatenate([one.y for one in (*dataset.sites, *dataset.unseen)])
    assert np.bincount(y).tolist() == [1722, 1544, 1407, 1801, 1979, 1958]
    assert len(ACTIVITIES) == 6
    samples = read_derived(ACTIVITY.name, ACTIVITY.folder, RECORDINGS)["label"]
    assert len(samples) == 1_122_772
