"""The worked bytes of page 15, and the inputs that follow from its formulas by hand."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

VECTORS = Path(__file__).parents[3] / "docs" / "spec" / "vectors.json"


def test_a_stranger_comes_to_the_same_agreement_and_inputs() -> None:
    *steps, last = json.loads(VECTORS.read_text("utf-8"))["statistics"]
    for step in steps:
        assert sha256(step["agreement"].encode()).hexdigest() == step["sha256"]
    agreed = json.loads(steps[-1]["agreement"])
    moments = [json.loads(one)["moments"][0] for one in steps[1]["said"].values()]
    age, sex = agreed["columns"]
    rows = sum(one["rows"] for one in moments)
    total = sum(int(one["sum"]) for one in moments)
    assert age["center"] == (2 * total * 2**16 + rows) // (2 * rows)
    found = np.frombuffer(bytes.fromhex(last["inputs of bo, float32 big-endian"]), ">f4")
    assert sex["categories"] == ["f", "m"]
    assert _by_hand(age) == found.reshape(5, -1)[:, 0].tolist()


def _by_hand(age: dict[str, Any]) -> list[float]:
    unit = 2.0 ** (age["exponent"] - 48)
    center, scale, median = (age[name] * unit for name in ("center", "scale", "median"))
    ages = [58.0, median, 71.25, median, 64.0]
    return [float(np.float32((value - center) / scale)) for value in ages]
