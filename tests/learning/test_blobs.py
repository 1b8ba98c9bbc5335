"""The two blobs: their exact bytes, and that no other bytes get through."""

import struct
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import FormatError
from collegium.learning.blobs import (
    ModelState,
    TensorSpec,
    decode_model,
    decode_update,
    digest,
    encode_model,
    encode_update,
)

MODEL = ModelState(
    (TensorSpec("b", ()), TensorSpec("w", (2, 1))),
    np.array([1.0, -2.0, 0.5], np.float32),
    "momentum@1",
    7,
    (("m", np.array([0.25, 0.0, -1.0])),),
)
MODEL_BYTES = (
    b"collegium/model/v1\0"
    + bytes.fromhex("00000002 00000001 62 00 00000001 77 02 00000002 00000001")
    + bytes.fromhex("0000803f 000000c0 0000003f")
    + bytes.fromhex("0000000a") + b"momentum@1" + bytes.fromhex("0000000000000007 00000001")
    + bytes.fromhex("00000001 6d 000000000000d03f 0000000000000000 000000000000f0bf")
)  # fmt: skip
UPDATE_BYTES = b"collegium/update/v1\0" + bytes.fromhex("0000000000000003 02 fffc ff7f 0180 0100")


def test_an_update_has_exactly_these_bytes() -> None:
    values = np.array([32767, -32767, 1], np.int16)
    assert encode_update(values, -4) == UPDATE_BYTES
    decoded, exponent = decode_update(UPDATE_BYTES)
    assert (decoded.values.tolist(), decoded.shift, exponent) == (values.tolist(), 0, -4)


def test_a_model_has_exactly_these_bytes() -> None:
    assert encode_model(MODEL) == MODEL_BYTES
    model = decode_model(MODEL_BYTES)
    assert (model.tensors, model.optimizer, model.step) == (MODEL.tensors, "momentum@1", 7)
    assert model.parameters.tolist() == [1.0, -2.0, 0.5]
    assert [(name, slot.tolist()) for name, slot in model.slots] == [("m", [0.25, 0.0, -1.0])]


def test_a_blob_is_named_by_sha256() -> None:
    assert digest(b"abc").hex().startswith("ba7816bf8f01cfea")


def test_what_is_decoded_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decode_update(UPDATE_BYTES)[0].values[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        decode_model(MODEL_BYTES).parameters[0] = 1


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("blob.length", b""),
        ("blob.length", UPDATE_BYTES[:-1]),
        ("blob.length", UPDATE_BYTES + b"\0"),
        ("blob.tag", b"x" + UPDATE_BYTES[1:]),
        ("blob.value", UPDATE_BYTES.replace(b"\x03\x02", b"\x03\x04")),
        ("blob.value", UPDATE_BYTES.replace(b"\x01\x80", b"\x00\x80")),
        ("blob.value", UPDATE_BYTES.replace(b"\xff\xfc", b"\xff\xbf")),
        ("blob.value", UPDATE_BYTES[:27] + bytes.fromhex("00 02 fffc")),
        ("blob.length", UPDATE_BYTES[:20] + b"\xff" * 8 + UPDATE_BYTES[28:]),
    ],
)
def test_other_update_bytes_are_refused(code: str, data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        decode_update(data)
    assert caught.value.code == code


def _with(old: str, new: str) -> bytes:
    assert MODEL_BYTES.count(bytes.fromhex(old)) == 1
    return MODEL_BYTES.replace(bytes.fromhex(old), bytes.fromhex(new))


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("blob.length", b""),
        ("blob.length", MODEL_BYTES[:-1]),
        ("blob.length", MODEL_BYTES + b"\0"),
        ("blob.tag", b"x" + MODEL_BYTES[1:]),
        ("blob.order", _with("00000001 77 02", "00000001 62 02")),
        ("blob.order", _with("00000001 77 02", "00000001 61 02")),
        ("blob.name", _with("00000001 77 02", "00000001 ff 02")),
        ("blob.name", _with("00000001 77 02", "00000001 20 02")),
        ("blob.value", _with("0000803f", "0000807f")),
        ("blob.value", _with("0000803f", "0000c07f")),
        ("blob.value", _with("000000000000f0bf", "000000000000f0ff")),
        ("blob.length", _with("02 00000002 00000001", "02 ffffffff ffffffff")),
        ("blob.value", b"collegium/model/v1\0" + bytes(4) + b"\0\0\0\1x" + bytes(12)),
        ("blob.length", b"collegium/model/v1\0" + b"\xff" * 4 + MODEL_BYTES[23:]),
    ],
)
def test_other_model_bytes_are_refused(code: str, data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        decode_model(data)
    assert caught.value.code == code


def test_a_dimension_of_nothing_is_refused() -> None:
    empty = replace(MODEL, tensors=(*MODEL.tensors, TensorSpec("z", (0, 3))))
    with pytest.raises(FormatError, match="refused"):
        encode_model(empty)


@pytest.mark.parametrize(
    "broken",
    [
        replace(MODEL, parameters=MODEL.parameters[:2]),
        replace(MODEL, parameters=np.array([1, np.inf, 0], np.float32)),
        replace(MODEL, slots=(("m", np.array([0.0, np.nan, 0.0])),)),
        replace(MODEL, slots=MODEL.slots * 2),
        replace(MODEL, tensors=MODEL.tensors[::-1]),
        replace(MODEL, optimizer="ad\u00e4m@1"),
        replace(MODEL, optimizer=""),
        replace(MODEL, step=-1),
        replace(MODEL, step=2**64),
        ModelState((), np.empty(0, np.float32), "none@1", 0, ()),
    ],
)
def test_nothing_is_written_that_would_not_be_read(broken: ModelState) -> None:
    with pytest.raises(FormatError):
        encode_model(broken)


@given(st.lists(st.integers(-32767, 32767), min_size=1, max_size=20), st.integers(-64, 64))
def test_updates_survive_the_round_trip(values: list[int], exponent: int) -> None:
    decoded, e = decode_update(encode_update(np.array(values, np.int16), exponent))
    assert (decoded.units.tolist(), e) == (values, exponent)


@given(
    st.lists(st.integers(-32767, 32767), min_size=2, max_size=20), st.integers(1, 8),
    st.lists(st.integers(-32767, 32767), max_size=8),
)  # fmt: skip
def test_larger_updates_survive_the_round_trip(
    values: list[int], shift: int, whole: list[int]
) -> None:
    units = np.array([20_000 << shift, *(one << shift for one in values), *whole], np.int32)
    decoded, _ = decode_update(encode_update(units, 5))
    assert decoded.units.tolist() == units.tolist()
    assert decoded.peak == np.abs(units).max()
    assert (decoded.before(len(whole)) == units[: units.size - len(whole)] >> shift).all()


SHIFTED_BYTES = b"collegium/update/v2\0" + bytes.fromhex(
    "0000000000000003 02 01 fffc ff7f 0180 0100"
)


def test_a_larger_update_has_exactly_these_bytes() -> None:
    units = np.array([32767 * 4, -32767 * 4, 1], np.int32)
    assert encode_update(units, -4) == SHIFTED_BYTES
    decoded, exponent = decode_update(SHIFTED_BYTES)
    assert (decoded.units.tolist(), exponent) == (units.tolist(), -4)


@pytest.mark.parametrize(
    "values", [[32767 << 9, 0], [1, 32767 << 2, 0, 0, 0, 0, 0, 0, 0, 0], [40_000, 40_001]]
)
def test_what_16_bits_do_not_tell_is_not_written(values: list[int]) -> None:
    with pytest.raises(FormatError):
        encode_update(np.array(values, np.int32), 0)


@given(st.binary(max_size=80), st.integers(0, 3), st.data())
def test_bytes_are_refused_or_are_the_only_form(raw: bytes, cut: int, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([UPDATE_BYTES, SHIFTED_BYTES, MODEL_BYTES]))
    at = data.draw(st.integers(0, len(good)))
    candidate = good[:at] + raw + good[at + cut :]
    with suppress(FormatError):
        update, exponent = decode_update(candidate)
        assert encode_update(update.units, exponent) == candidate
    with suppress(FormatError):
        assert encode_model(decode_model(candidate)) == candidate


def test_a_length_that_lies_costs_no_memory() -> None:
    claim = struct.pack(">I", 1) + struct.pack(">IsB4I", 1, b"a", 4, *[2**32 - 1] * 4)
    with pytest.raises(FormatError) as caught:
        decode_model(b"collegium/model/v1\0" + claim)
    assert caught.value.code == "blob.length"
