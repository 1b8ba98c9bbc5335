"""Attacks on a network: segments by service, Test+ with an evaluator, no difficulty."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.nsl_kdd import COLUMNS, NSL_KDD, SCHEMA, SEGMENTS, SERVICES, rows_of
from collegium.data.table import input_names


def line(service: str = "http", label: str = "normal", **changes: str) -> str:
    cells = dict.fromkeys(COLUMNS, "0") | {
        "protocol_type": "tcp", "service": service, "flag": "SF", "label": label,
        "difficulty": "21",
    }  # fmt: skip
    return ",".join((cells | changes).values()) + "\n"


def test_a_segment_is_a_site_and_every_service_is_in_one() -> None:
    train = line("http") + line("ssh", "neptune") + line("http_443")
    rows = rows_of(train.encode(), line("domain").encode())
    assert [(one.name, one.y.tolist()) for one in rows.sites] == [
        ("terminals", [1]), ("web", [0, 0]),
    ]  # fmt: skip
    assert [(one.name, one.y.tolist()) for one in rows.unseen] == [("test-plus", [0])]
    assert len(SERVICES) == len(set(SERVICES)) == 70
    assert sum(len(services.split()) for services in SEGMENTS.values()) == 70


def test_connections_are_counted_through_both_files() -> None:
    rows = rows_of((line() + line()).encode(), (line() + line()).encode())
    assert rows.sites[0].person.tolist() + rows.unseen[0].person.tolist() == [0, 1, 2, 3]


def test_bytes_enter_as_logarithms_and_odd_flags_as_yes() -> None:
    rows = rows_of(line(src_bytes="999", su_attempted="2", land="1").encode(), line().encode())
    found = dict(zip(input_names(SCHEMA), rows.sites[0].x[0].tolist(), strict=True))
    assert found["log_src_bytes"] == pytest.approx(2)
    assert found["land"] == 1
    assert found["log_su_attempted"] == pytest.approx(np.log10(3) - 1)


def test_difficulty_is_no_feature() -> None:
    assert not [name for name in input_names(SCHEMA) if "difficulty" in name or "label" in name]


def test_the_originals_give_25192_connections_and_22544_of_test_plus() -> None:
    dataset = real(NSL_KDD)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == NSL_KDD.sites
    assert sum(len(one.y) for one in dataset.sites) == 25_192
    assert len(dataset.unseen[0].y) == 22_544
    assert dataset.unseen[0].y.mean() == pytest.approx(0.569, abs=5e-4)
