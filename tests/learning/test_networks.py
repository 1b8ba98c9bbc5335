"""Convolutional networks: layout, NumPy beside a loop, and JAX beside NumPy."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tests.extras import needs

from collegium.data.table import Feature, Schema
from collegium.errors import StudyError
from collegium.learning.model_choice import model_spec
from collegium.learning.models import (
    ModelSpec,
    initial_parameters,
    losses,
    size,
    tensors,
)
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.networks.network import penalized, unpacked
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Model, Training

jax = needs("jax")
SIGNAL = Convolutional((2, 9), (4, 6), 3, (5,), 3)
IMAGE = Convolutional((1, 6, 5), (4,), 3, (), 1)


def spec_of(network: Convolutional, l2: float = 0.0) -> ModelSpec:
    loss = "multinomial" if network.outputs_count > 1 else "logistic"
    widths = (int(np.prod(network.shape)), network.outputs_count)
    return ModelSpec(widths, loss, l2, network=network)  # type: ignore[arg-type]


def job(network: Convolutional, rows: int, site: str = "s", turn: int = 1) -> TrainingJob:
    random = np.random.default_rng([rows, turn, *site.encode()])
    x = random.standard_normal((rows, int(np.prod(network.shape)))).astype(np.float32)
    y = random.integers(0, max(2, network.outputs_count), rows)
    return TrainingJob(site, x, y, initial_parameters(spec_of(network), 3), turn)


@pytest.mark.parametrize("network", [SIGNAL, IMAGE])
def test_tensors_are_sorted_and_norms_begin_as_the_identity(network: Convolutional) -> None:
    names = [one.name for one in network.tensors]
    assert names == sorted(names)
    first = unpacked(network.tensors, network.initial(7))
    assert (first["conv0norm.scale"] == 1).all()
    assert not first["conv0.bias"].any()
    weight = first["conv0.weight"]
    assert np.abs(weight).max() <= np.sqrt(6 / np.prod(weight.shape[:-1]))
    assert size(spec_of(network)) == network.initial(7).size
    assert penalized(network.tensors).sum() == sum(
        one.size for one in tensors(spec_of(network)) if one.name.endswith("weight")
    )


@pytest.mark.parametrize("network", [SIGNAL, IMAGE])
def test_a_forward_pass_is_what_the_definitions_say(network: Convolutional) -> None:
    random = np.random.default_rng(1)
    flat = random.standard_normal(network.initial(0).size).astype(np.float32)
    t = unpacked(network.tensors, flat.astype(float))
    x = random.standard_normal((2, int(np.prod(network.shape)))).astype(np.float32)
    for row, found in zip(x, network.outputs(flat, x), strict=True):
        values = row.astype(float).reshape(network.shape)  # channels first
        half = network.kernel // 2
        for stage, after in enumerate(network.channels):
            places: list[tuple[int, ...]] = list(product(*map(range, values.shape[1:])))
            out = np.zeros((after, *values.shape[1:]))
            for place in places:
                total = t[f"conv{stage}.bias"].copy()
                for shift in product(range(network.kernel), repeat=len(place)):
                    at = tuple(p + s - half for p, s in zip(place, shift, strict=True))
                    inside = zip(at, values.shape[1:], strict=True)
                    if all(0 <= p < length for p, length in inside):
                        total += np.moveaxis(values, 0, -1)[at] @ t[f"conv{stage}.weight"][shift]
                np.moveaxis(out, 0, -1)[place] = total
            groups = 4 if after % 4 == 0 else 1
            for group in np.split(np.arange(after), groups):
                part = out[group]
                out[group] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
            scale, bias = t[f"conv{stage}norm.scale"], t[f"conv{stage}norm.bias"]
            every = (-1, *(1,) * (out.ndim - 1))
            out = np.maximum(out * scale.reshape(every) + bias.reshape(every), 0)
            for axis in range(1, out.ndim):
                pairs = out.shape[axis] // 2
                if pairs:
                    taken = np.take(out, range(2 * pairs), axis=axis)
                    split = (*out.shape[:axis], pairs, 2, *out.shape[axis + 1 :])
                    out = taken.reshape(split).max(axis=axis + 1)
            values = out
        layer = values.reshape(len(values), -1).mean(axis=1)
        for depth in range(len(network.hidden) + 1):
            layer = np.maximum(layer, 0) if depth else layer
            layer = layer @ t[f"layer{depth}.weight"] + t[f"layer{depth}.bias"]
        assert found == pytest.approx(layer, rel=1e-9)


def test_a_shape_that_does_not_hold_the_inputs_is_refused() -> None:
    features = tuple(Feature(f"x{n}", "x", "numeric") for n in range(12))
    schema = Schema(features, "y", "binary", ("a", "b"))
    with pytest.raises(StudyError) as caught:
        model_spec(Model(architecture="cnn", shape=(2, 5), channels=(4,)), schema)
    assert caught.value.code == "model.shape"
    assert "product is 12" in caught.value.todo


def _training(**changes: float) -> Training:
    fields = {"rounds": 3, "learning_rate": 0.1, "batch_size": 8, "trainer": "jax", **changes}
    return Training(**fields)  # type: ignore[arg-type]


@jax
@pytest.mark.parametrize("network", [SIGNAL, IMAGE])
def test_a_step_follows_the_slope_of_the_loss(network: Convolutional) -> None:
    from collegium.learning.jax_trainer import JAX

    spec, one = spec_of(network, l2=0.05), job(network, 12)
    training = _training(batch_size=12, learning_rate=1.0)
    step = one.start - JAX.train([one], spec, training, 0)[0]
    weights = penalized(network.tensors)

    def objective(flat: np.ndarray) -> float:
        penalty = spec.l2 / 2 * np.square(flat[weights], dtype=np.float64).sum()
        return float(losses(spec, flat, one.x, one.y).mean() + penalty)

    for place in np.random.default_rng(2).integers(0, size(spec), 25):
        up, down = one.start.copy(), one.start.copy()
        up[place] += np.float32(1e-4)
        down[place] -= np.float32(1e-4)
        slope = (objective(up) - objective(down)) / (float(up[place]) - float(down[place]))
        assert step[place] == pytest.approx(slope, abs=3e-3)


@jax
def test_momentum_proximal_term_and_correction_are_those_of_the_dense_trainer() -> None:
    from collegium.learning.jax_trainer import JAX

    spec, one = spec_of(SIGNAL), job(SIGNAL, 16)
    shift = np.full_like(one.start, 0.01)
    moved = TrainingJob(one.site, one.x, one.y, one.start, 1, one.start + 1, shift)
    training = _training(batch_size=16, fedprox_mu=0.5)
    plain = JAX.train([one], spec, _training(batch_size=16), 0)[0]
    drawn = JAX.train([moved], spec, training, 0)[0]
    assert drawn - plain == pytest.approx(np.full_like(plain, 0.1 * 0.5 - 0.1 * 0.01), abs=1e-5)


@jax
def test_a_site_gets_the_same_bits_alone_and_beside_others() -> None:
    from collegium.learning.jax_trainer import JAX

    spec = spec_of(SIGNAL)
    jobs = [job(SIGNAL, rows, f"site {rows}") for rows in (1, 7, 8, 33)]
    training = _training(local_epochs=2, momentum=0.9)
    whole = JAX.train(jobs, spec, training, 1)
    alone = np.concatenate([JAX.train([one], spec, training, 1) for one in jobs])
    assert whole.tobytes() == alone.tobytes()
    assert np.isfinite(whole).all()


AGAIN = """
import hashlib
from tests.learning.test_networks import SIGNAL, _training, job, spec_of
from collegium.learning.jax_trainer import JAX
jobs = [job(SIGNAL, rows, f"site {rows}") for rows in (5, 40)]
print(hashlib.sha256(JAX.train(jobs, spec_of(SIGNAL), _training(), 1).tobytes()).hexdigest())
"""


@jax
def test_two_processes_end_in_the_same_bits_and_the_second_need_not_compile(
    tmp_path: Path,
) -> None:
    from collegium.learning.jax_trainer import JAX

    jobs = [job(SIGNAL, rows, f"site {rows}") for rows in (5, 40)]
    trained = JAX.train(jobs, spec_of(SIGNAL), _training(), 1)
    ours = hashlib.sha256(trained.tobytes()).hexdigest()
    for threads in ("1", "4"):
        shown = subprocess.run(
            [sys.executable, "-c", AGAIN], check=True, capture_output=True, text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "OMP_NUM_THREADS": threads},
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert shown.stdout.strip() == ours
    assert any((tmp_path / "collegium" / "jax").iterdir())
