"""Our trainers alone, without a ledger: local work and a weighted mean, round after round."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import (
    WORKLOADS,
    Workload,
    accuracy,
    chained,
    clients,
    digest,
    trainers,
)
from numpy.typing import NDArray

from collegium.learning.encoding import registered_weight
from collegium.learning.models import ModelSpec, initial_parameters, layers
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.plugins import find
from collegium.study.document import Training


def model_of(workload: Workload) -> tuple[ModelSpec, Trainer]:
    """Return a workload's model, and who trains it."""
    widths = workload.widths
    if not workload.shape:
        binary = widths[-1] == 1
        return ModelSpec(widths, "logistic" if binary else "multinomial", 0.0), find(
            "trainers", "dense"
        )
    network = Convolutional(
        workload.shape, workload.channels, workload.kernel, widths[1:-1], widths[-1]
    )
    spec = ModelSpec((widths[0], widths[-1]), "multinomial", 0.0, network=network)
    return spec, find("trainers", "jax")


def outputs_of(
    spec: ModelSpec, parameters: NDArray[np.float32]
) -> Callable[[NDArray[np.float32]], Any]:
    """Return a model's outputs [n, k] of rows [n, inputs]."""
    network = spec.network
    if network is None:
        return chained([(matrix[0], matrix[1:]) for matrix in layers(spec, parameters)])
    return lambda x: network.outputs(parameters, x)


def main() -> None:
    """Run one workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    workload: Workload = WORKLOADS[asked.workload]
    imported = elapsed()
    data = clients(workload)
    generating = elapsed() - imported
    spec, trainer = model_of(workload)
    rounds = workload.warm + workload.rounds
    training = Training(
        rounds=rounds, batch_size=workload.batch, learning_rate=workload.learning_rate
    )
    parameters = initial_parameters(spec, 0)
    with Pool(asked.processes) as pool:
        tables = {one.name: SiteTable(one.x, one.y) for one in data}
        pooled = Pooled(trainer, spec, tables, pool)
        setup = elapsed() - generating
        stamps = [perf_counter()]
        for number in range(1, rounds + 1):
            chosen = [data[index] for index in trainers(workload, number)]
            jobs = [TrainingJob(one.name, one.x, one.y, parameters, number) for one in chosen]
            trained = pooled.train(jobs, spec, training, 0)
            weights = np.array([registered_weight(len(one.y)) for one in chosen], np.float32)
            parameters = (weights / weights.sum()) @ trained
            stamps.append(perf_counter())
    reached = accuracy(data, outputs_of(spec, parameters))
    libraries = ("numpy", "jax") if workload.shape else ("numpy",)
    tell(
        *libraries, **rates(stamps, workload.warm), setup=setup, accuracy=reached,
        data=digest(data), rounds=rounds,
    )  # fmt: skip


if __name__ == "__main__":
    main()
