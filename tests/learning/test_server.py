"""The server step: its formulas, its errors, and the same bits on every processor."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from collegium import plugins
from collegium.errors import RunError
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.blobs import ModelState, TensorSpec
from collegium.learning.server import ADAM, AVERAGE, ServerOptimizer, initial_state, server_step
from collegium.study.document import Server

SETTINGS = Server(learning_rate=0.3, beta1=0.8, beta2=0.95, tau=0.02)


def _model(optimizer: ServerOptimizer, size: int = 5) -> ModelState:
    parameters = np.linspace(-1, 1, size).astype(np.float32)
    return initial_state((TensorSpec("w", (size,)),), parameters, optimizer, SETTINGS)


def _average(g: float, m: float, v: float) -> tuple[float, float, float]:
    return 0.3 * g, m, v


def _momentum(g: float, m: float, v: float) -> tuple[float, float, float]:
    m = 0.8 * m + g
    return 0.3 * m, m, v


def _adagrad(g: float, m: float, v: float) -> tuple[float, float, float]:
    m, v = 0.8 * m + 0.2 * g, v + g**2
    return 0.3 * m / (v**0.5 + 0.02), m, v


def _adam(g: float, m: float, v: float) -> tuple[float, float, float]:
    m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
    return 0.3 * m / (v**0.5 + 0.02), m, v


def _yogi(g: float, m: float, v: float) -> tuple[float, float, float]:
    sign = (v > g**2) - (v < g**2)
    m, v = 0.8 * m + 0.2 * g, v - 0.05 * g**2 * sign
    return 0.3 * m / (v**0.5 + 0.02), m, v


@pytest.mark.parametrize(
    ("name", "versioned", "formula"),
    [
        ("none", "none@1", _average),
        ("momentum", "momentum@1", _momentum),
        ("adagrad", "adagrad@1", _adagrad),
        ("adam", "adam@1", _adam),
        ("yogi", "yogi@1", _yogi),
    ],
)
def test_three_rounds_follow_the_published_formula(
    name: str, versioned: str, formula: Callable[[float, float, float], tuple[float, float, float]]
) -> None:
    optimizer: ServerOptimizer = plugins.find("server_optimizers", name)
    assert optimizer.name == versioned
    model = _model(optimizer)
    totals = [[900, -3, 0, 77, -40000], [-20, 8, 1, 70, 1000], [5, 5, 5, -5, 0]]
    expected = [(float(w), 0.0, 0.02**2) for w in model.parameters]
    for total in totals:
        model = server_step(model, Aggregate(np.array(total), 6), 12, optimizer, SETTINGS)
        for i, (w, m, v) in enumerate(expected):
            move, m, v = formula(total[i] / (6 * 2**12), m, v)
            expected[i] = (float(np.float32(w + move)), m, v)
    assert model.step == 3
    assert model.parameters.tolist() == pytest.approx([w for w, _, _ in expected], rel=1e-6)
    for position, (_, slot) in enumerate(model.slots):
        wanted = [state[1 + position] for state in expected]
        assert slot.tolist() == pytest.approx(wanted, rel=1e-12)


def test_adding_the_mean_is_the_default() -> None:
    model = server_step(_model(AVERAGE), Aggregate(np.full(5, 3), 4), -1, AVERAGE, Server())
    assert (model.parameters == np.linspace(-1, 1, 5).astype(np.float32) + np.float32(1.5)).all()


def test_slots_that_are_not_the_optimizers_are_refused() -> None:
    model = replace(_model(ADAM), slots=_model(ADAM).slots[:1])
    with pytest.raises(RunError) as caught:
        server_step(model, Aggregate(np.zeros(5, np.int64), 1), 12, ADAM, SETTINGS)
    assert caught.value.code == "server.refused"


def test_a_result_that_is_not_finite_is_an_error() -> None:
    huge = Server(learning_rate=1e300)
    with pytest.raises(RunError) as caught:
        server_step(_model(AVERAGE), Aggregate(np.full(5, 2**40), 1), 0, AVERAGE, huge)
    assert caught.value.code == "server.non-finite"


@pytest.mark.parametrize(
    ("aggregate", "exponent", "optimizer"),
    [
        (Aggregate(np.zeros(5, np.int64), 1), 12, ADAM),
        (Aggregate(np.zeros(4, np.int64), 1), 12, AVERAGE),
        (Aggregate(np.zeros(5, np.int64), 0), 12, AVERAGE),
        (Aggregate(np.zeros(5, np.int64), 1), 5000, AVERAGE),
    ],
)
def test_what_does_not_belong_to_the_model_is_refused(
    aggregate: Aggregate, exponent: int, optimizer: ServerOptimizer
) -> None:
    with pytest.raises(RunError) as caught:
        server_step(_model(AVERAGE), aggregate, exponent, optimizer, SETTINGS)
    assert caught.value.code == "server.refused"


GOLDEN = """
import numpy as np
from collegium import plugins
from collegium.learning.aggregation.fedavg import FEDAVG
from collegium.learning.aggregation.updates import Updates
from collegium.learning.blobs import TensorSpec, digest, encode_model
from collegium.learning.server import initial_state, server_step
from collegium.study.document import Server

n, d = 7, 1003
pattern = np.arange(n * d, dtype=np.int64).reshape(n, d)
start = ((pattern[0] * 7919 % 2001 - 1000) / 1024).astype(np.float32)
settings = Server(learning_rate=0.1, beta1=0.9, beta2=0.99, tau=0.001)
for name in ("none", "momentum", "adagrad", "adam", "yogi"):
    optimizer = plugins.find("server_optimizers", name)
    model = initial_state((TensorSpec("w", (d,)),), start, optimizer, settings)
    for turn in range(1, 6):
        values = ((pattern * 104729 * turn % 65535 - 32767) // turn).astype(np.int16)
        updates = Updates(values, (1, 2, 3, 96, 128, 1536, 49152), 12, (), ())
        model = server_step(model, FEDAVG.aggregate(updates, 0), 12, optimizer, settings)
    slots = tuple(slot for _, slot in model.slots)
    # Rounding to float32 hides the last bits of a move, so these are looked at themselves.
    move, _ = optimizer.move(values[1] / 4096.0 / 3.0, slots, settings)
    print(digest(encode_model(model) + move.astype("<f8").tobytes()).hex()[:16])
"""

DIGESTS = """
07c8a37a40aa8ece
0d79bc45d612eb97
1713be5bc18bbea9
bb1c7212c4f6a8a9
a0c6c6cf9bc008ec
"""


def _dispatched_features() -> list[str]:
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    return list(features.get("found", []))


@pytest.mark.parametrize("disabled", [False, True])
def test_five_rounds_end_in_the_same_bytes_on_every_processor(disabled: bool) -> None:
    features = _dispatched_features()
    if disabled and not features:
        pytest.skip("NumPy uses no optional feature of this processor")
    environment = dict(os.environ)
    environment.pop("NPY_DISABLE_CPU_FEATURES", None)
    if disabled:
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(features)
    shown = subprocess.run(
        [sys.executable, "-c", GOLDEN], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == DIGESTS.split()


def test_the_mean_step_is_one_division() -> None:
    model = _model(AVERAGE)
    total = np.array([1, 2, -3, 2**53 - 1, 7])
    stepped = server_step(model, Aggregate(total, 3), 20, AVERAGE, Server())
    exact = [
        float(w) + float(t) / math.ldexp(3, 20)
        for w, t in zip(model.parameters, total, strict=True)
    ]
    assert stepped.parameters.tolist() == [float(np.float32(w)) for w in exact]
