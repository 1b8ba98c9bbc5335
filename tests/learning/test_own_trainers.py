"""A user's own functions and module train as the dense trainer does, which is held to plain loops.

The same network is written three times: for NumPy, JAX and PyTorch. What differs is the order of
sums in float32.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.extras import needs

from collegium.learning.dense import DENSE
from collegium.learning.models import ModelSpec, initial_parameters, size
from collegium.learning.networks import custom_code as own_code
from collegium.learning.networks.custom import CustomFunctions, CustomModule
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.plugins import find
from collegium.study.document import Training

FUNCTIONS = """
import jax.numpy as jnp
import numpy as np

def init(seed, inputs, outputs):
    shapes = {"layer0.bias": 6, "layer0.weight": (inputs, 6),
              "layer1.bias": outputs, "layer1.weight": (6, outputs)}
    return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

def apply(parameters, x):
    hidden = jnp.maximum(x @ parameters["layer0.weight"] + parameters["layer0.bias"], 0)
    return hidden @ parameters["layer1.weight"] + parameters["layer1.bias"]
"""
MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer0 = nn.Linear(inputs, 6)
        self.layer1 = nn.Linear(6, outputs)

    def forward(self, x):
        return self.layer1(torch.relu(self.layer0(x)))
"""
FILES = {"jax": ("three_layers_jax", FUNCTIONS), "torch": ("three_layers_torch", MODULE)}
KINDS = [
    pytest.param(
        kind,
        marks=needs(kind),
    )
    for kind in FILES
]
LOSSES = {"logistic": 1, "multinomial": 3, "squared": 1, "poisson": 1}
INPUTS = 5
Float32 = NDArray[np.float32]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    own_code.load.cache_clear()
    for name, text in FILES.values():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def own(kind: str, loss: str, l2: float) -> tuple[Trainer, ModelSpec]:
    name = FILES[kind][0]
    digest, outputs = own_code.digest_of(name), LOSSES[loss]
    network = (
        CustomFunctions(name, digest, INPUTS, outputs)
        if kind == "jax"
        else CustomModule(f"{name}:Net", digest, INPUTS, outputs)
    )
    return find("trainers", kind), ModelSpec((INPUTS, outputs), loss, l2, network=network)  # type: ignore[arg-type]


def turned(spec: ModelSpec, flat: Float32, kind: str, back: bool) -> Float32:
    """PyTorch keeps a layer's weights as [outputs, inputs], the others as [inputs, outputs]."""
    if kind != "torch":
        return flat
    parts, at = [], 0
    for before, after in zip(spec.widths, spec.widths[1:], strict=False):
        parts.append(flat[at : at + after])
        weight = flat[at + after : at + after + before * after]
        parts.append(weight.reshape((after, before) if back else (before, after)).T.ravel())
        at += after + before * after
    return np.concatenate(parts)


def jobs_of(loss: str, start: Float32, turn: int) -> list[TrainingJob]:
    jobs = []
    for rows in (1, 8, 21):
        rng = np.random.default_rng([rows, turn])
        x = rng.standard_normal((rows, INPUTS)).astype(np.float32)
        y: Any = {
            "logistic": rng.integers(0, 2, rows),
            "multinomial": rng.integers(0, 3, rows),
            "squared": rng.standard_normal(rows).astype(np.float32),
            "poisson": rng.poisson(1.5, rows).astype(np.float32),
        }[loss]
        shift = rng.normal(0, 0.01, start.size).astype(np.float32)
        jobs.append(TrainingJob(f"site {rows}", x, y, start, turn, start * 0, shift))
    return jobs


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(loss, marks=() if loss == "multinomial" else pytest.mark.long)
        for loss in LOSSES
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_three_rounds_are_those_of_the_dense_trainer(kind: str, loss: str, folder: Path) -> None:
    training = Training(
        rounds=3, learning_rate=0.05, batch_size=8, local_epochs=2, momentum=0.5, fedprox_mu=0.1
    )
    dense = ModelSpec((INPUTS, 6, LOSSES[loss]), loss, 0.01)  # type: ignore[arg-type]
    trainer, spec = own(kind, loss, 0.01)
    assert size(spec) == size(dense)
    start = initial_parameters(dense, 5)
    for turn in range(3):
        jobs = jobs_of(loss, start, turn)
        expected = DENSE.train(jobs, dense, training, 11)
        theirs = [
            TrainingJob(
                job.site, job.x, job.y, turned(dense, job.start, kind, False), job.round,
                job.anchor, turned(dense, job.correction, kind, False),
            )
            for job in jobs
            if job.correction is not None
        ]  # fmt: skip
        for found, ours in zip(trainer.train(theirs, spec, training, 11), expected, strict=True):
            assert turned(dense, found, kind, True) == pytest.approx(ours, rel=5e-6, abs=5e-6)
            assert not np.array_equal(ours, start)
        start = expected.mean(axis=0)


AGAIN = """
import hashlib
from tests.learning.test_own_trainers import digest
print(digest("torch"))
"""


def digest(kind: str) -> str:
    trainer, spec = own(kind, "multinomial", 0.0)
    start = np.linspace(-0.5, 0.5, size(spec), dtype=np.float32)
    training = Training(rounds=1, learning_rate=0.1, batch_size=8, local_epochs=3)
    trained = trainer.train(jobs_of("multinomial", start, 1), spec, training, 3)
    return hashlib.sha256(trained.tobytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_number_of_threads_does_not_change_a_module_s_bits(kind: str, folder: Path) -> None:
    ours = digest(kind)
    for threads in ("1", "4"):
        shown = subprocess.run(
            [sys.executable, "-c", AGAIN], check=True, capture_output=True, text=True, cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": threads,
                 "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(ROOT)])},
        )  # fmt: skip
        assert shown.stdout.strip() == ours
