"""A reading is what the blob says, made once and not kept for ever."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.errors import FormatError
from collegium.learning.aggregation.next_model import read_update
from collegium.learning.blobs import digest, encode_update
from collegium.resolving import blobs as readings_module
from collegium.resolving.blobs import DecodedUpdates


def blob(number: int) -> bytes:
    return encode_update(np.array([number, -7, 32767], np.int16), 12)


def test_a_reading_is_what_the_blob_says_and_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings, data = DecodedUpdates(), blob(3)
    first = readings.of(digest(data), data)
    assert (first.told.values.tolist(), first.exponent, (first.peak, first.at_the_end)) == (
        [3, -7, 32767],
        12,
        (32767, 1),
    )
    assert not first.told.values.flags.writeable
    monkeypatch.setattr(readings_module, "read_update", lambda _: pytest.fail("it is read again"))
    assert readings.of(digest(data), data) is first


def test_what_is_no_update_is_refused_every_time() -> None:
    readings = DecodedUpdates()
    for _ in range(2):
        with pytest.raises(FormatError):
            readings.of(digest(b"nothing"), b"nothing")


def test_the_latest_readings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings_module, "KEPT_BYTES", 2 * read_update(blob(0)).told.values.nbytes)
    readings, blobs = DecodedUpdates(), [blob(number) for number in range(3)]
    made = [readings.of(digest(data), data) for data in blobs]
    again = [readings.of(digest(data), data) for data in reversed(blobs)]
    assert [one is other for one, other in zip(made, reversed(again), strict=True)] == [
        False,
        True,
        True,
    ]
