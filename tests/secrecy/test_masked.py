"""A masked update's blob has one form, and a sum says what plain updates would have said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.learning.blobs import encode_update
from collegium.secrecy.masked import decode_masked, encode_masked, residues, total_of

VALUES = np.array([3, -32767, 32767, 0], np.int16)


@pytest.mark.parametrize("ring", [32, 64])
def test_residues_stand_for_weight_times_value(ring: int) -> None:
    total = total_of(residues(VALUES, 24, ring), 24, 1)
    assert total is not None
    assert total.values.tolist() == [72, -24 * 32767, 24 * 32767, 0]
    assert (total.saturated, total.small) == (1, 0)


@given(
    updates=st.lists(
        st.lists(st.integers(-32767, 32767), min_size=3, max_size=3), min_size=1, max_size=8
    )
)
def test_indicators_count_what_the_contract_counts_of_plain_updates(
    updates: list[list[int]],
) -> None:
    vectors = [residues(np.array(update, np.int16), 1, 32) for update in updates]
    total = total_of(sum(vectors[1:], vectors[0]), len(updates), len(updates))
    assert total is not None
    assert total.saturated == sum(max(map(abs, update)) == 32767 for update in updates)
    assert total.small == sum(max(map(abs, update)) < 8192 for update in updates)
    peaks = sorted(max(map(abs, update)) for update in updates)
    assert (peaks[len(peaks) // 2] < 8192) == (total.small > len(updates) // 2)


@pytest.mark.parametrize(
    ("coordinate", "value"), [(0, 24 * 32767 + 1), (1, -24 * 32767 - 1), (-2, 2), (-1, -1)]
)
def test_a_sum_that_no_honest_updates_give_is_none(coordinate: int, value: int) -> None:
    vector = residues(VALUES, 24, 32)
    vector[coordinate] = np.uint32(value % 2**32)
    assert total_of(vector, 24, 1) is None


@pytest.mark.parametrize("ring", [32, 64])
def test_a_blob_comes_back_and_every_other_form_is_refused(ring: int) -> None:
    vector = residues(VALUES, 3, ring)
    blob = encode_masked(vector, 12)
    assert (decode_masked(blob, 4, ring, 12) == vector).all()
    others = [
        blob[:-1], blob + b"\0", b"x" + blob[1:], b"", encode_update(VALUES, 12),
        encode_masked(vector, 13), encode_masked(vector[1:], 12),
        encode_masked(residues(VALUES, 3, 96 - ring), 12),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(FormatError):
            decode_masked(other, 4, ring, 12)
