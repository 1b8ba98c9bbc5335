"""The NumPy trainer: right by an independent implementation, and the same bits in any company."""

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from collegium import plugins
from collegium.errors import RunError
from collegium.learning import dense
from collegium.learning.dense import DENSE
from collegium.learning.encoding import encode
from collegium.learning.models import ModelSpec, initial_parameters, layers, losses, size
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Training

SPECS = {
    "logistic": ModelSpec((5, 1), "logistic", 0.01),
    "multinomial": ModelSpec((5, 3), "multinomial", 0.0),
    "linear": ModelSpec((5, 1), "squared", 0.1),
    "binary mlp": ModelSpec((5, 6, 1), "logistic", 0.0),
    "mlp": ModelSpec((5, 7, 4, 3), "multinomial", 0.01),
    "regression mlp": ModelSpec((5, 6, 1), "squared", 0.0),
    "poisson": ModelSpec((5, 1), "poisson", 0.01),
    "exposed": ModelSpec((4, 1), "poisson", 0.0, offset=2),
    "cox": ModelSpec((5, 1), "cox", 0.01),
    "cox mlp": ModelSpec((5, 6, 1), "cox", 0.0),
    "ordinal": ModelSpec((5, 1), "ordinal", 0.01, gaps=2),
    "ordinal mlp": ModelSpec((5, 6, 1), "ordinal", 0.0, gaps=1),
    "wide logistic": ModelSpec((700, 1), "logistic", 0.0),
    "wide mlp": ModelSpec((210, 201, 11), "multinomial", 0.0),
}
SMALL = [name for name in SPECS if not name.startswith("wide")]


def _job(spec: ModelSpec, rows: int, site: str = "s", turn: int = 1) -> TrainingJob:
    rng = np.random.default_rng([rows, turn, *site.encode()])
    columns = spec.widths[0] + (spec.offset is not None)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    classes = {"logistic": 2, "ordinal": spec.gaps + 2}.get(spec.loss, spec.widths[-1])
    y = rng.integers(0, classes, rows)
    if spec.loss == "squared":
        y = rng.standard_normal(rows).astype(np.float32)
    elif spec.loss == "poisson":
        y = rng.poisson(1.5, rows).astype(np.float32)
    elif spec.loss == "cox":
        y = np.stack([rng.integers(0, 9, rows), rng.integers(0, 2, rows)], 1).astype(np.float32)
    start = initial_parameters(spec, 3)
    start += 0.1 * rng.standard_normal(size(spec)).astype(np.float32)
    return TrainingJob(site, x, y, start, turn)


def _training(**changes: float) -> Training:
    return Training(**{"rounds": 3, "learning_rate": 0.1, "batch_size": 8, **changes})  # type: ignore[arg-type]


# --- An independent implementation: one site, one row, one layer at a time, in double precision.


def _plain_order(seed: int, site: str, turn: int, epoch: int, rows: int) -> list[int]:
    tag = f"collegium/shuffle/v1\0{seed}\0{turn}\0{site}".encode()
    key = np.frombuffer(hashlib.sha256(tag).digest()[:16], "<u8").astype(np.uint64)
    counter = np.array([0, 0, 0, epoch], np.uint64)
    words = np.random.Philox(key=key, counter=counter).random_raw(rows)
    return sorted(range(rows), key=lambda i: (int(words[i]) >> 32, i))


def _weights(spec: ModelSpec) -> NDArray[np.bool_]:
    """Which parameters are weights: neither biases nor gaps."""
    matrices = layers(spec, np.zeros(size(spec)))
    return np.concatenate(
        [*(np.arange(m.size) >= m.shape[1] for m in matrices), np.zeros(spec.gaps, bool)]
    )


def _plain_gradient(
    spec: ModelSpec, w: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[Any]
) -> NDArray[np.float64]:
    """The slope of the mean loss of a batch."""
    matrices = layers(spec, w)
    seen = [np.delete(row, [] if spec.offset is None else [spec.offset]) for row in x]
    passes = []
    for row in seen:
        inputs = [np.append(1.0, row)]
        for matrix in matrices[:-1]:
            inputs.append(np.append(1.0, np.maximum(inputs[-1] @ matrix, 0.0)))
        passes.append(inputs)
    outputs = [inputs[-1] @ matrices[-1] for inputs in passes]
    gap_slope = np.zeros(spec.gaps)
    total = np.zeros(len(w) - spec.gaps)
    for i, (inputs, z) in enumerate(zip(passes, outputs, strict=True)):
        if spec.loss == "logistic":
            delta = 1 / (1 + np.exp(-z)) - y[i]
        elif spec.loss == "multinomial":
            delta = np.exp(z) / np.exp(z).sum()
            delta[int(y[i])] -= 1
        elif spec.loss == "poisson":
            delta = np.exp(z + (0 if spec.offset is None else x[i][spec.offset])) - y[i]
        elif spec.loss == "cox":
            delta = np.array([-y[i][1]])
            for k in range(len(y)):
                if y[k][1] and y[i][0] >= y[k][0]:
                    at_risk = [np.exp(outputs[j]) for j in range(len(y)) if y[j][0] >= y[k][0]]
                    delta = delta + np.exp(z) / sum(at_risk)
        elif spec.loss == "ordinal":
            delta, by_gap = _plain_ordinal(z, int(y[i]), w[len(w) - spec.gaps :])
            gap_slope += by_gap
        else:
            delta = z - y[i]
        parts = []
        for depth in range(len(matrices) - 1, -1, -1):
            slope = np.outer(inputs[depth], delta)
            if spec.loss == "cox" and depth == len(matrices) - 1:
                slope[0] = 0  # the bias cancels
            parts.append(slope.ravel())
            delta = ((matrices[depth] @ delta) * (inputs[depth] > 0))[1:]
        total += np.concatenate(parts[::-1])
    return np.concatenate([total, gap_slope]) / len(y)


def _plain_ordinal(
    z: NDArray[np.float64], label: int, gaps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes of -log P(label), from the definition: differences of the logistic function."""
    cuts = np.concatenate([[0.0], np.cumsum(np.exp(gaps))])
    under = np.concatenate([[0.0], 1 / (1 + np.exp(z - cuts)), [1.0]])
    slope = under * (1 - under)
    chance = under[label + 1] - under[label]
    by_cut = np.zeros(len(cuts) + 2)
    by_cut[label + 1] -= slope[label + 1] / chance
    by_cut[label] += slope[label] / chance
    by_gap = [np.exp(gap) * by_cut[m + 2 : -1].sum() for m, gap in enumerate(gaps)]
    return np.array([(slope[label + 1] - slope[label]) / chance]), np.array(by_gap)


def _plain_training(
    job: TrainingJob, spec: ModelSpec, training: Training, seed: int
) -> NDArray[np.float64]:
    start = job.start.astype(float)
    w, velocity = start.copy(), np.zeros(len(start))
    penalized = _weights(spec)
    for epoch in range(training.local_epochs):
        order = _plain_order(seed, job.site, job.round, epoch, len(job.x))
        for first in range(0, len(order), training.batch_size):
            batch = order[first : first + training.batch_size]
            gradient = spec.l2 * penalized * w + training.fedprox_mu * (w - start)
            gradient += _plain_gradient(spec, w, job.x[batch].astype(float), job.y[batch])
            velocity = training.momentum * velocity + gradient
            w = w - training.learning_rate * velocity
    return w


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "training",
    [
        _training(),
        _training(batch_size=100, local_epochs=3),
        _training(momentum=0.9, local_epochs=2),
        _training(fedprox_mu=0.5, local_epochs=2),
        _training(fedprox_mu=0.1, momentum=0.5, batch_size=1),
    ],
    ids=["sgd", "full batch", "momentum", "fedprox", "all of it"],
)
def test_three_rounds_equal_a_plain_loop(name: str, training: Training) -> None:
    spec = SPECS[name]
    if spec.loss == "poisson":  # its slope grows with the mean
        training = replace(training, learning_rate=0.02)
    start = initial_parameters(spec, 5)
    for turn in range(3):
        jobs = [_job(spec, rows, f"site {rows}", turn) for rows in (1, 8, 21)]
        jobs = [TrainingJob(job.site, job.x, job.y, start, turn) for job in jobs]
        trained = DENSE.train(jobs, spec, training, 11)
        assert trained.dtype == np.float32
        for job, ours in zip(jobs, trained, strict=True):
            assert ours == pytest.approx(
                _plain_training(job, spec, training, 11), rel=5e-6, abs=2e-5
            )
        start = trained.mean(axis=0)


@pytest.mark.parametrize("name", SMALL)
def test_a_step_follows_the_slope_of_the_loss(name: str) -> None:
    spec = SPECS[name]
    job = _job(spec, 12)
    step = job.start - DENSE.train([job], spec, _training(batch_size=12, learning_rate=1.0), 0)[0]
    weights = _weights(spec)

    def objective(w: NDArray[np.float32]) -> float:
        penalty = spec.l2 / 2 * np.square(w[weights], dtype=np.float64).sum()
        return float(losses(spec, w, job.x, job.y).mean() + penalty)

    for i in range(size(spec)):
        up, down = job.start.copy(), job.start.copy()
        up[i] += np.float32(1e-3)
        down[i] -= np.float32(1e-3)
        slope = (objective(up) - objective(down)) / (float(up[i]) - float(down[i]))
        assert step[i] == pytest.approx(slope, abs=2e-3)


@pytest.mark.parametrize("name", list(SPECS))
@pytest.mark.parametrize("batch_size", [1, 5, 16, 32, 1000])
def test_a_site_gets_the_same_bits_alone_and_in_any_stack(name: str, batch_size: int) -> None:
    spec = SPECS[name]
    training = _training(batch_size=batch_size, local_epochs=2, momentum=0.5, fedprox_mu=0.01)
    sizes = [1, 1, 2, 3, 7, 16, 33, 40, 64] if batch_size < 5 else [1, 1, 2, 7, 33, 64, 90, 200, 31]
    jobs = [_job(spec, rows, f"site {i}") for i, rows in enumerate(sizes)]
    whole = DENSE.train(jobs, spec, training, 1)
    alone = np.concatenate([DENSE.train([job], spec, training, 1) for job in jobs])
    halves = np.empty_like(whole)
    for part in (slice(0, None, 2), slice(1, None, 2)):
        halves[part] = DENSE.train(jobs[part], spec, training, 1)
    backwards = DENSE.train(jobs[::-1], spec, training, 1)[::-1]
    assert whole.tobytes() == alone.tobytes()
    assert whole.tobytes() == backwards.tobytes()
    assert whole.tobytes() == halves.tobytes()


def test_neither_the_limits_of_a_stack_nor_memory_order_change_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = SPECS["mlp"]
    jobs = [_job(spec, 20 + i, f"site {i}") for i in range(10)]
    expected = DENSE.train(jobs, spec, _training(), 1)
    monkeypatch.setattr(dense, "_MAX_SITES", 3)
    assert DENSE.train(jobs, spec, _training(), 1).tobytes() == expected.tobytes()
    monkeypatch.setattr(dense, "_MAX_VALUES", 1)
    odd = [
        TrainingJob(
            job.site, np.asfortranarray(job.x), job.y, np.repeat(job.start, 2)[::2], job.round
        )
        for job in jobs
    ]
    assert DENSE.train(odd, spec, _training(), 1).tobytes() == expected.tobytes()


ON_THREADS = """
import hashlib
import numpy as np
from collegium.learning.dense import DENSE
from collegium.learning.models import ModelSpec, initial_parameters
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training

rng = np.random.default_rng(0)
for widths, loss, batch in [
    ((64, 128, 10), "multinomial", 32),
    ((501, 301, 5), "multinomial", 64),
    ((785, 400, 3), "multinomial", 500),
    ((3001, 1), "logistic", 192),
    ((257, 1), "logistic", 1000),
    ((1500, 7), "multinomial", 1),
]:
    spec = ModelSpec(widths, loss, 0.0)
    start = initial_parameters(spec, 1)
    jobs = []
    for i, rows in enumerate((40, 7, 1, 450)):
        x = rng.standard_normal((rows, widths[0])).astype(np.float32)
        jobs.append(TrainingJob(f"s{i}", x, rng.integers(0, 2, rows), start, 1))
    training = Training(rounds=1, learning_rate=0.01, batch_size=batch)
    print(hashlib.sha256(DENSE.train(jobs, spec, training, 0).tobytes()).hexdigest())
"""


def test_the_number_of_threads_does_not_change_bits() -> None:
    shown = [
        subprocess.run(
            [sys.executable, "-c", ON_THREADS],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert len(shown[0].split()) == 6
    assert shown[0] == shown[1]


def test_the_order_of_rows_depends_on_seed_site_and_round_alone() -> None:
    spec = SPECS["logistic"]
    job = _job(spec, 50)

    def train(seed: int, site: str, turn: int) -> bytes:
        changed = TrainingJob(site, job.x, job.y, job.start, turn)
        return DENSE.train([changed], spec, _training(), seed).tobytes()

    results = [train(1, "a", 1), train(2, "a", 1), train(1, "b", 1), train(1, "a", 2)]
    assert len(set(results)) == 4
    assert train(1, "a", 1) == results[0]


def test_a_batch_larger_than_any_site_costs_no_memory() -> None:
    spec = SPECS["mlp"]
    jobs = [_job(spec, rows, f"site {rows}") for rows in (3, 30)]
    whole = DENSE.train(jobs, spec, _training(batch_size=32), 1)
    huge = DENSE.train(jobs, spec, _training(batch_size=10**12), 1)
    assert huge.tobytes() == whole.tobytes()


def test_what_was_given_is_left_alone() -> None:
    spec = SPECS["mlp"]
    job = _job(spec, 30)
    before = (job.x.copy(), job.start.copy())
    DENSE.train([job, job], spec, _training(), 1)
    assert (job.x == before[0]).all()
    assert (job.start == before[1]).all()


def test_a_site_without_rows_keeps_its_start() -> None:
    spec = SPECS["logistic"]
    jobs = [_job(spec, 0, "empty"), _job(spec, 9, "other")]
    trained = DENSE.train(jobs, spec, _training(), 1)
    assert (trained[0] == jobs[0].start).all()
    assert DENSE.train([], spec, _training(), 1).shape == (0, size(spec))


@pytest.mark.parametrize("scale", [30.0, 1e4])
@pytest.mark.parametrize("name", ["logistic", "multinomial"])
def test_certainty_neither_overflows_nor_is_cut_short(name: str, scale: float) -> None:
    spec = ModelSpec((1, 1 if name == "logistic" else 2), SPECS[name].loss, 0.0)
    x = np.array([[1], [-1]], np.float32)
    start = np.array([0, scale] if name == "logistic" else [0, 0, 0, scale], np.float32)
    training = _training(batch_size=2, learning_rate=1.0)
    right, wrong = (
        start - DENSE.train([TrainingJob("a", x, np.array(y), start, 1)], spec, training, 0)[0]
        for y in ([1, 0], [0, 1])
    )
    assert np.abs(right).max() < 1e-6
    assert wrong[-1] == pytest.approx(1.0)


def test_divergence_is_silent_here_and_refused_by_the_encoding() -> None:
    spec = SPECS["linear"]
    job = _job(spec, 200)
    trained = DENSE.train([job], spec, _training(learning_rate=1e9, local_epochs=5), 1)
    with pytest.raises(RunError):
        encode(trained[0], job.start, 12)


def test_it_learns() -> None:
    trainer: Trainer = plugins.find("trainers", "dense")
    assert trainer is DENSE
    assert trainer.name == "dense@1"
    spec = ModelSpec((2, 16, 1), "logistic", 0.0)
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    job = TrainingJob("a", x, y, initial_parameters(spec, 0), 1)
    training = _training(local_epochs=60, momentum=0.9)
    before = losses(spec, job.start, x, y).mean()
    assert losses(spec, trainer.train([job], spec, training, 0)[0], x, y).mean() < 0.2 * before
