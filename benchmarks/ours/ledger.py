"""Our whole federation in one process: every round committed, revealed, recomputed and voted on.

The workload's clients are the members, the first four of them validators. In the logistic
workload the members are ten gateways with a thousand clients each. The gateway tier is not part
of the package yet, so `Gateways` stands in for it here, as a trainer: a gateway trains its
clients in one call, encodes each one's update, adds the integers, and trains "itself" to the
mean of them, which its site then encodes and signs like any other update.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from benchmarks.ours.trainer import model_of, outputs_of
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import (
    GATEWAYS,
    WORKLOADS,
    Client,
    Workload,
    accuracy,
    clients,
    digest,
)
from numpy.typing import NDArray

from collegium.assembly.parts import Parts
from collegium.assembly.preparation import Prepared
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.data.table import DataSet, Feature, Schema, SiteRows
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.loop import drive
from collegium.federation.stages import stages_of
from collegium.learning.aggregation.fedavg import FEDAVG
from collegium.learning.blobs import decode_model
from collegium.learning.dense import DENSE
from collegium.learning.encoding import encode, registered_weight
from collegium.learning.model_choice import model_spec
from collegium.learning.models import ModelSpec
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.server import AVERAGE
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.contract.events import RoundClosed, RoundOpened
from collegium.simulation.consortium import build
from collegium.study.document import Training
from collegium.study.reading import parse_study

INNER_EXPONENT = 16
"""Power of two of the encoding between a client and its gateway."""

STUDY = """
[study]
id = "bench"
title = "Benchmark"
question = "How fast"

[data]
source = "uci_heart"

[model]
architecture = "{architecture}"
hidden = {hidden}

[training]
rounds = {rounds}
batch_size = {batch}
learning_rate = {learning_rate}
client_fraction = {fraction}

[consensus]
validators = 4

[evaluation]
bootstrap = 100
"""


@dataclass(frozen=True, slots=True, eq=False)
class Gateways:
    """Trains a gateway's clients and moves the gateway by the mean of their encoded updates.

    `weights` are the clients' aggregation weights, int64 [clients] for each gateway; `trainer`
    trains them.
    """

    clients: dict[str, list[Client]]
    weights: dict[str, NDArray[np.int64]]
    trainer: Trainer
    name: str = "gateways@1"

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> NDArray[np.float32]:
        """Return each gateway's parameters after its clients' local work, float32 [n, d]."""
        inner = [
            TrainingJob(one.name, one.x, one.y, job.start, job.round)
            for job in jobs
            for one in self.clients[job.site]
        ]
        trained = self.trainer.train(inner, spec, training, seed)
        ends = np.cumsum([len(self.clients[job.site]) for job in jobs])
        return np.stack(
            [
                self._moved(job, own)
                for job, own in zip(jobs, np.split(trained, ends[:-1]), strict=True)
            ]
        )

    def _moved(self, job: TrainingJob, trained: NDArray[np.float32]) -> NDArray[np.float32]:
        encoded = encode(trained.ravel(), np.tile(job.start, len(trained)), INNER_EXPONENT)
        weights = self.weights[job.site]
        total = weights @ encoded.reshape(trained.shape).astype(np.int64)
        mean = total / float(int(weights.sum()) << INNER_EXPONENT)
        moved: NDArray[np.float32] = (job.start + mean).astype(np.float32)
        return moved


class Watch:
    """Notes when the first round opened and when each one closed; an observer of the loop.

    `training` is what local training had taken by then.
    """

    def __init__(self, trainers: LocalTrainers) -> None:
        self.stamps: list[float] = []
        self.training: list[float] = []
        self._cohort = trainers

    def __call__(self, accepted: Sequence[AcceptedTransaction]) -> None:
        """Take note of what a block brought."""
        for event in (event for one in accepted for event in one.events):
            if isinstance(event, RoundClosed) or (
                isinstance(event, RoundOpened) and not self.stamps
            ):
                self.stamps.append(perf_counter())
                self.training.append(self._cohort.training_seconds)


def members(
    workload: Workload, data: list[Client], pool: Pool
) -> tuple[dict[str, SiteRows], Trainer]:
    """Return the ledger participants' rows, and who trains them."""
    if workload.name != "logistic":
        return {one.name: _rows(one.name, [one]) for one in data}, DENSE
    part = len(data) // GATEWAYS
    groups = {f"gateway{n}": data[n * part : (n + 1) * part] for n in range(GATEWAYS)}
    weights = {
        name: np.array([registered_weight(len(one.y)) for one in own])
        for name, own in groups.items()
    }
    spec, dense = model_of(workload)
    tables = {one.name: SiteTable(one.x, one.y) for one in data}
    trainer = Gateways(groups, weights, Pooled(dense, spec, tables, pool))
    return {name: _rows(name, own) for name, own in groups.items()}, trainer


def _rows(name: str, own: list[Client]) -> SiteRows:
    y = np.concatenate([one.y for one in own])
    return SiteRows(name, np.concatenate([one.x for one in own]), y, np.arange(len(y)))


def prepared(workload: Workload, rows: dict[str, SiteRows], trainer: Trainer) -> Prepared:
    """Return the workload as a study; the few rows of its test parts are training rows."""
    hidden = list(workload.widths[1:-1])
    read = parse_study(
        STUDY.format(
            architecture="mlp" if hidden else "logistic", hidden=hidden,
            rounds=workload.warm + workload.rounds, batch=workload.batch,
            learning_rate=workload.learning_rate,
            fraction=1.0 if workload.name == "logistic" else workload.per_round / workload.clients,
        ),
        "benchmark",
    )  # fmt: skip
    schema = Schema(
        tuple(Feature(f"x{n}", f"column {n}", "numeric") for n in range(workload.widths[0])),
        "y", "binary" if workload.classes == 2 else "multiclass",
        tuple(f"class {n}" for n in range(workload.classes)),
    )  # fmt: skip
    dataset = DataSet("bench", "synthetic", schema, tuple(rows.values()), "CC0", "none", "none", ())
    test = {
        name: SiteRows(name, one.x[:50], one.y[:50], one.person[:50]) for name, one in rows.items()
    }
    spec = model_spec(read.study.model, schema)
    parts = Parts(
        study=read.study, dataset=dataset, spec=spec, trainer=trainer, rule=FEDAVG,
        server=AVERAGE, stages=stages_of(read.study),
    )  # fmt: skip
    return Prepared(read=read, parts=parts, train=rows, test=test, attack=None, notices=())


def main() -> None:
    """Run one workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--under", metavar="DIR", required=True, help="where the run folder stays")
    asked = parser.parse_args()
    workload = WORKLOADS[asked.workload]
    imported = elapsed()
    data = clients(workload)
    generating = elapsed() - imported
    folder = Path(tempfile.mkdtemp(dir=asked.under))
    with Pool(asked.processes) as pool:
        study = prepared(workload, *members(workload, data, pool))
        own = pool if workload.name != "logistic" else None  # gateways are trained by one of us
        consortium = build(study, folder, print, pool=own)
        watch = Watch(consortium.trainers)
        setup = elapsed() - generating
        drive(consortium.engine, "bench", consortium.participants, watch, consortium.settle)
    status = consortium.view().status
    validating = sum(one.seconds for one in consortium.validators)
    consortium.close(complete=True)
    began = perf_counter()
    found = verify(folder)
    verifying = perf_counter() - began
    if not found.ok or status is None:
        raise AssertionError(f"the run does not verify: {found.findings}")
    name = from_text(status.model, 32).hex()
    parameters = decode_model((folder / "blobs" / name).read_bytes()).parameters
    tell(
        "numpy", "msgspec", "pynacl", **rates(watch.stamps, workload.warm), setup=setup,
        accuracy=accuracy(data, outputs_of(study.parts.spec, parameters)),
        data=digest(data), rounds=workload.warm + workload.rounds,
        round_training=rates(watch.training, workload.warm)["round"],
        training=consortium.trainers.training_seconds, validating=validating,
        verify=verifying, entries=found.entries,
    )  # fmt: skip


if __name__ == "__main__":
    main()
