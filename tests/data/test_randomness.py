"""Draws are the same for ever, and another purpose or part has other draws."""

from hashlib import sha256

import numpy as np

from collegium.data.randomness import draws


def test_a_stream_is_philox_keyed_by_the_hash_of_its_purpose_and_parts() -> None:
    state = b"collegium/example/v1\0" + (7).to_bytes(8, "big") + b"\0\0\0\2va"
    key = int.from_bytes(sha256(state).digest()[:16], "big")
    expected = np.random.RandomState(np.random.Philox(key=key)).permutation(50)
    assert np.array_equal(draws("example", 7, "va").permutation(50), expected)


def test_streams_are_recorded() -> None:
    """Whatever NumPy is installed gives these numbers."""
    stream = draws("example", 7, "va")
    assert stream.permutation(8).tolist() == [6, 5, 4, 7, 2, 0, 3, 1]
    assert stream.randint(0, 100, 5).tolist() == [57, 21, 5, 29, 73]


def test_no_two_purposes_or_parts_share_a_stream() -> None:
    streams = [
        draws("a", 1),
        draws("a", 2),
        draws("b", 1),
        draws("a", "1"),
        draws("a", "x", "yz"),
        draws("a", "xy", "z"),
    ]
    assert len({stream.bytes(16) for stream in streams}) == len(streams)
