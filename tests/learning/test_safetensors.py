"""Released weights: one form, which the safetensors library reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.learning.blobs import ModelState, TensorSpec
from collegium.learning.safetensors import read_released, released_bytes

MODEL = ModelState(
    (TensorSpec("layer0.bias", (2,)), TensorSpec("layer0.weight", (3, 2))),
    np.arange(8, dtype=np.float32),
    "none@1",
    0,
    (),
)
HEADER = (
    b'{"layer0.bias":{"data_offsets":[0,8],"dtype":"F32","shape":[2]},'
    b'"layer0.weight":{"data_offsets":[8,32],"dtype":"F32","shape":[3,2]}}'
)


def test_the_bytes_are_these() -> None:
    padded = HEADER + b" " * (-len(HEADER) % 8)
    expected = len(padded).to_bytes(8, "little") + padded + MODEL.parameters.tobytes()
    assert released_bytes(MODEL) == expected


def test_what_is_released_is_read_back() -> None:
    tensors, parameters = read_released(released_bytes(MODEL))
    assert tensors == MODEL.tensors
    assert parameters.tolist() == MODEL.parameters.tolist()


def test_the_library_reads_them() -> None:
    library = pytest.importorskip("safetensors.numpy")
    arrays = library.load(released_bytes(MODEL))
    assert arrays["layer0.bias"].tolist() == [0.0, 1.0]
    assert arrays["layer0.weight"].tolist() == [[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]
    assert sorted(arrays) == ["layer0.bias", "layer0.weight"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"F32", b"F16"),
        (b'"shape":[2]', b'"shape":[1]'),
        (b'"shape":[2]', b'"shape":[0]'),
        (b'"shape":[3,2]', b'"shape":[2,3]}'),
        (b"[0,8]", b"[8,0]"),
        (b'{"layer0.b', b'{ "layer0.b'),
        (b"layer0.bias", b"layer0.xias"),
        (b"layer0.weight", b"layer0.bias"),
        (b"\0\0\x80\x3f", b"\0\0\x80\x7f"),
        (b'"dtype"', b'"extra":[[[[1]]]],"dtype"'),
    ],
)
def test_another_form_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(FormatError):
        read_released(released_bytes(MODEL).replace(old, new, 1))


@given(st.binary(max_size=40), st.data())
def test_bytes_are_refused_or_are_the_only_form(raw: bytes, data: st.DataObject) -> None:
    good = released_bytes(MODEL)
    at = data.draw(st.integers(0, len(good)))
    for candidate in (raw, good[:at] + raw + good[at:], good[:at]):
        try:
            tensors, parameters = read_released(candidate)
        except FormatError:
            continue
        model = ModelState(tensors, parameters, "none@1", 0, ())
        assert released_bytes(model) == candidate


def test_a_deep_header_is_refused() -> None:
    header = b"[" * 100_000
    with pytest.raises(FormatError):
        read_released(len(header).to_bytes(8, "little") + header)
