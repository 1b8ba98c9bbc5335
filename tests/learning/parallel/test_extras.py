"""Networks and users' own code in several processes, by JAX and by PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.simulation.test_own_models import FUNCTIONS, MODULE

from collegium.learning.models import ModelSpec, initial_parameters
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.networks.custom import CustomFunctions, CustomModule
from collegium.learning.networks.custom_code import digest_of
from collegium.learning.networks.network import Network
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.plugins import find
from collegium.study.document import Training

CONVOLUTIONS = Convolutional((1, 6, 6), (4,), 3, (5,), 1)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a user's files."""
    (tmp_path / "pair_of_functions.py").write_text(FUNCTIONS)
    (tmp_path / "net_of_mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same_bits(trainer: Trainer, network: Network) -> None:
    spec = ModelSpec((36, 1), "logistic", 0.01, network=network)
    training = Training(rounds=1, learning_rate=0.1, batch_size=8, momentum=0.5)
    start = initial_parameters(spec, 1)
    jobs = []
    for number in range(5):
        rng = np.random.default_rng(number)
        x = rng.standard_normal((20 + number, 36)).astype(np.float32)
        y = rng.integers(0, 2, len(x))
        jobs.append(TrainingJob(f"s{number}", x, y, start, 2, correction=start * np.float32(0.01)))
    alone = trainer.train(jobs, spec, training, 3)
    assert not np.array_equal(alone[0], alone[1])
    tables = {job.site: SiteTable(job.x, job.y) for job in jobs}
    with Pool(2) as pool:
        assert np.array_equal(
            Pooled(trainer, spec, tables, pool).train(jobs, spec, training, 3), alone
        )


def test_convolutions_come_to_the_same_bits() -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    same_bits(find("trainers", "jax"), CONVOLUTIONS)


@pytest.mark.long
def test_a_user_s_own_functions_do(own: Path) -> None:
    pytest.importorskip("jax", reason="the extra jax is not installed")
    code = "pair_of_functions"
    network = CustomFunctions(code, digest_of(code), 36, 1)
    assert network.functions  # loaded here, which must not hinder handing it over
    same_bits(find("trainers", "jax"), network)


@pytest.mark.long
def test_and_a_user_s_own_module(own: Path) -> None:
    pytest.importorskip("torch", reason="the extra torch is not installed")
    code = "net_of_mine:Net"
    same_bits(find("trainers", "torch"), CustomModule(code, digest_of(code), 36, 1))
