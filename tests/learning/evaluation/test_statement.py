"""A statement has one form in bytes, agrees with itself, and never tells a small class."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collegium.canonical import encode as canonical_bytes
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.learning.evaluation.statement import (
    Statement,
    Value,
    decode_statement,
    encode_statement,
    units_of_ratio,
)

MODEL = to_text(bytes(range(32)))


def values(**told: int) -> tuple[Value, ...]:
    return tuple(Value(name=name, value=value) for name, value in told.items())


FULL = Statement(
    classes=(12, 8),
    correct=15,
    kind="federated",
    model=MODEL,
    rows=20,
    task="binary",
    values=(
        Value(name="accuracy", value=750_000_000, low=550_000_000, high=900_000_000),
        *values(
            auc=812_500_000,
            sensitivity=625_000_000,
            specificity=833_333_333,
            brier=170_000_000,
            log_loss=1_250_000_000,
        ),
    ),
    withheld="nothing",
)
BY_CLASS = Statement(
    correct=15,
    kind="federated",
    model=MODEL,
    rows=16,
    task="binary",
    values=values(accuracy=937_500_000),
    withheld="by-class",
)
ALL = Statement(kind="local", model=MODEL, rows=16, task="binary", values=(), withheld="all")
SEVERAL = Statement(
    classes=(7, 8, 5),
    correct=15,
    kind="local",
    model=MODEL,
    rows=20,
    task="multiclass",
    values=values(accuracy=750_000_000, auc=900_000_000, log_loss=400_000_000),
    withheld="nothing",
)
REGRESSION = Statement(
    kind="local",
    model=MODEL,
    rows=30,
    task="regression",
    values=values(mae=2_500_000_000, rmse=3_000_000_000, r2=-100_000_000),
    withheld="nothing",
)
ORDINAL = replace(
    SEVERAL, task="ordinal", values=values(accuracy=750_000_000, qwk=-100, log_loss=400_000_000)
)
COUNT = replace(REGRESSION, task="count", values=values(poisson_deviance=1, mae=2, rmse=3))
SURVIVAL = replace(REGRESSION, task="survival", values=values(c_index=812_500_000))
EACH = [FULL, BY_CLASS, ALL, SEVERAL, REGRESSION, ORDINAL, COUNT, SURVIVAL]


@pytest.mark.parametrize("statement", EACH)
def test_a_statement_survives_its_bytes(statement: Statement) -> None:
    assert decode_statement(encode_statement(statement)) == statement


def test_bytes_are_recorded_and_hold_no_float() -> None:
    assert encode_statement(BY_CLASS) == (
        b'{"correct":15,"kind":"federated","model":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",'
        b'"rows":16,"task":"binary","values":[{"name":"accuracy","value":937500000}],'
        b'"version":1,"withheld":"by-class"}'
    )
    assert b"." not in encode_statement(FULL)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b"[" * 100_000,
        encode_statement(BY_CLASS) + b"\n",
        encode_statement(BY_CLASS).replace(b'"rows":16', b'"rows":16.0'),
        encode_statement(BY_CLASS).replace(b'"rows":16', b'"rows": 16'),
        encode_statement(BY_CLASS).replace(b'"version":1', b'"version":2'),
        encode_statement(BY_CLASS).replace(b'"version":1,', b""),
        encode_statement(BY_CLASS).replace(b'{"correct"', b'{"classes":null,"correct"'),
        encode_statement(BY_CLASS).replace(b'{"correct"', b'{"comment":"mr x","correct"'),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_statement(data)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_statement(data)


def changed(**told: Any) -> tuple[Value, ...]:
    return tuple(
        replace(value, **told[value.name]) if value.name in told else value for value in FULL.values
    )


@pytest.mark.parametrize(
    "bad",
    [
        replace(FULL, model="short"),
        replace(FULL, rows=0),
        replace(FULL, rows=21),
        replace(FULL, correct=21),
        replace(FULL, correct=14),
        replace(FULL, correct=msgspec.UNSET),
        replace(FULL, classes=msgspec.UNSET),
        replace(FULL, classes=(20,)),
        replace(FULL, classes=(6, 6, 8)),
        replace(FULL, classes=(11, 9)),
        replace(FULL, task="multiclass"),
        replace(FULL, values=FULL.values[:-1]),
        replace(FULL, values=FULL.values[::-1]),
        replace(FULL, values=(*FULL.values, FULL.values[0])),
        replace(FULL, values=changed(accuracy={"value": 750_000_001})),
        replace(FULL, values=changed(accuracy={"low": msgspec.UNSET})),
        replace(FULL, values=changed(accuracy={"low": 910_000_000})),
        replace(FULL, values=changed(accuracy={"high": 1_000_000_001})),
        replace(FULL, values=changed(auc={"value": 1_000_000_001})),
        replace(FULL, values=changed(log_loss={"value": -1})),
        replace(FULL, values=changed(sensitivity={"value": 500_000_000})),
        replace(FULL, values=changed(specificity={"value": 833_333_334})),
        replace(FULL, withheld="by-class"),
        replace(FULL, withheld="all"),
        replace(BY_CLASS, withheld="nothing"),
        replace(BY_CLASS, classes=(8, 8)),
        replace(ALL, correct=15),
        replace(SEVERAL, classes=(7, 8, 6)),
        replace(SEVERAL, classes=(12, 8)),
        replace(SEVERAL, correct=21, values=values(accuracy=1_050_000_000, auc=0, log_loss=0)),
        replace(ALL, values=BY_CLASS.values),
        replace(REGRESSION, correct=3),
        replace(REGRESSION, withheld="by-class"),
        replace(REGRESSION, rows=4),
        replace(REGRESSION, values=values(accuracy=1)),
        replace(ORDINAL, values=values(accuracy=750_000_000, qwk=-(10**9) - 1, log_loss=0)),
        replace(COUNT, classes=(20, 10)),
        replace(SURVIVAL, withheld="by-class"),
        replace(SURVIVAL, values=values(c_index=10**9 + 1)),
    ],
)
def test_a_statement_that_contradicts_itself_is_neither_written_nor_read(bad: Statement) -> None:
    with pytest.raises(FormatError):
        encode_statement(bad)
    with pytest.raises(FormatError):
        decode_statement(canonical_bytes(bad))


@pytest.mark.parametrize("few", range(5))
def test_a_class_under_five_cannot_be_told(few: int) -> None:
    told = replace(
        FULL,
        classes=(20 - few, few),
        correct=20 - few,
        values=(
            Value(name="accuracy", value=units_of_ratio(20 - few, 20)),
            *values(auc=0, sensitivity=0, specificity=10**9, brier=0, log_loss=0),
        ),
    )
    with pytest.raises(FormatError) as caught:
        encode_statement(told)
    assert "fewer than 5 rows must be withheld" in caught.value.why


def test_a_regressions_undefined_value_is_left_out() -> None:
    constant = replace(REGRESSION, values=REGRESSION.values[:2])
    assert decode_statement(encode_statement(constant)) == constant


def test_ratios_are_rounded_exactly_halves_up() -> None:
    assert units_of_ratio(2, 3) == 666_666_667
    assert units_of_ratio(1, 3) == 333_333_333
    assert units_of_ratio(1, 1024) == 976_563
    assert units_of_ratio(0, 7) == 0
    assert units_of_ratio(7, 7) == 10**9
