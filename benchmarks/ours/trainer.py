"""Our trainer alone, without a ledger: local work and a weighted mean, round after round."""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import WORKLOADS, accuracy, clients, cohort, digest

from collegium.learning.dense import DENSE
from collegium.learning.encoding import registered_weight
from collegium.learning.models import Loss, ModelSpec, initial_parameters, layers
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training


def main() -> None:
    """Run one workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    workload = WORKLOADS[asked.workload]
    imported = elapsed()
    data = clients(workload)
    generating = elapsed() - imported
    loss: Loss = "multinomial" if workload.widths[-1] > 1 else "logistic"
    spec = ModelSpec(workload.widths, loss, 0.0)
    rounds = workload.warm + workload.rounds
    training = Training(
        rounds=rounds, batch_size=workload.batch, learning_rate=workload.learning_rate
    )
    parameters = initial_parameters(spec, 0)
    tables = {one.name: SiteTable(one.x, one.y) for one in data}
    pool = Pool(asked.processes)
    trainer = Pooled(DENSE, spec, tables, pool)
    stamps = [perf_counter()]
    setup = elapsed() - generating
    for number in range(1, rounds + 1):
        chosen = [data[index] for index in cohort(workload, number)]
        jobs = [TrainingJob(one.name, one.x, one.y, parameters, number) for one in chosen]
        trained = trainer.train(jobs, spec, training, 0)
        weights = np.array([registered_weight(len(one.y)) for one in chosen], np.float32)
        parameters = (weights / weights.sum()) @ trained
        stamps.append(perf_counter())
    matrices = [(matrix[0], matrix[1:]) for matrix in layers(spec, parameters)]
    pool.close()
    tell(
        **rates(stamps, workload.warm), setup=setup, accuracy=accuracy(data, matrices),
        data=digest(data),
    )  # fmt: skip


if __name__ == "__main__":
    main()
