"""Networks of a workload on pfl (Granqvist et al. 2024), as its documentation would write them.

pfl takes a client's rows in their order where we shuffle them; the data sets are made once, so
that its cache of batches holds.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from time import perf_counter
from typing import Any

import torch
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import (
    WORKLOADS,
    Workload,
    accuracy,
    clients,
    digest,
    trainers,
)
from pfl.aggregate.simulate import SimulatedBackend  # type: ignore[import-not-found]
from pfl.aggregate.weighting import WeightByDatapoints  # type: ignore[import-not-found]
from pfl.algorithm.base import NNAlgorithmParams  # type: ignore[import-not-found]
from pfl.algorithm.federated_averaging import (  # type: ignore[import-not-found]
    FederatedAveraging,
)
from pfl.callback.base import TrainingProcessCallback  # type: ignore[import-not-found]
from pfl.data.dataset import Dataset  # type: ignore[import-not-found]
from pfl.data.federated_dataset import (  # type: ignore[import-not-found]
    FederatedDataset,
)
from pfl.hyperparam import NNTrainHyperParams  # type: ignore[import-not-found]
from pfl.metrics import Metrics  # type: ignore[import-not-found]
from pfl.model.pytorch import PyTorchModel  # type: ignore[import-not-found]


class Network(torch.nn.Sequential):  # type: ignore[misc]
    """The network with the two methods that pfl asks for."""

    def loss(self, x: Any, y: Any, is_eval: bool = False) -> Any:
        """Return the mean loss of a batch."""
        return torch.nn.functional.cross_entropy(self(x), y)

    def metrics(self, x: Any, y: Any, is_eval: bool = True) -> dict[str, Any]:
        """Return nothing: no round is evaluated."""
        return {}


class Clock(TrainingProcessCallback):  # type: ignore[misc]
    """Notes when each round ended."""

    def __init__(self) -> None:
        self.stamps: list[float] = []

    def after_central_iteration(
        self, aggregate_metrics: Any, model: Any, *, central_iteration: int
    ) -> tuple[bool, Any]:
        """Take the time, and go on."""
        self.stamps.append(perf_counter())
        return False, Metrics()


def network_of(workload: Workload) -> Network:
    """Return a workload's network, layer for layer as ours."""
    layers: list[torch.nn.Module] = []
    widths = list(workload.widths)
    if workload.shape:
        layers.append(torch.nn.Unflatten(1, workload.shape))
        for before, after in pairwise((workload.shape[0], *workload.channels)):
            layers += [
                torch.nn.Conv2d(before, after, workload.kernel, padding=workload.kernel // 2),
                torch.nn.GroupNorm(4, after), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            ]  # fmt: skip
        layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
        widths[0] = workload.channels[-1]
    for depth, (before, after) in enumerate(pairwise(widths)):
        layers += [torch.nn.ReLU()] * (depth > 0) + [torch.nn.Linear(before, after)]
    for one in layers:  # first weights are drawn as ours are (He et al. 2015)
        if isinstance(one, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_uniform_(one.weight, nonlinearity="relu")
            torch.nn.init.zeros_(one.bias)
    return Network(*layers)


def main() -> None:
    """Run a workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--threads", type=int, default=0, help="torch's threads; its default if 0")
    asked = parser.parse_args()
    workload: Workload = WORKLOADS[asked.workload]
    if asked.threads:
        torch.set_num_threads(asked.threads)
    imported = elapsed()
    data = clients(workload)
    generating = elapsed() - imported
    torch.manual_seed(0)
    network = network_of(workload)
    sets = [
        Dataset((torch.from_numpy(one.x), torch.from_numpy(one.y)), user_id=index)
        for index, one in enumerate(data)
    ]
    rounds = workload.warm + workload.rounds
    turns = iter([index for number in range(1, rounds + 2) for index in trainers(workload, number)])
    federated = FederatedDataset(lambda index: sets[index], lambda: next(turns))
    model = PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), lr=1.0))
    clock = Clock()
    parameters = NNAlgorithmParams(
        central_num_iterations=rounds, evaluation_frequency=rounds + 1,
        train_cohort_size=workload.per_round, val_cohort_size=None,
    )  # fmt: skip
    training = NNTrainHyperParams(
        local_num_epochs=1, local_learning_rate=workload.learning_rate,
        local_batch_size=workload.batch,
    )  # fmt: skip
    backend = SimulatedBackend(federated, federated, [WeightByDatapoints()])
    clock.stamps.append(perf_counter())
    setup = elapsed() - generating
    FederatedAveraging().run(
        parameters, backend, model, training, callbacks=[clock], send_metrics_to_platform=False
    )
    with torch.no_grad():
        reached = accuracy(data, lambda x: network(torch.from_numpy(x)).numpy())
    tell(
        "pfl", "torch", "numpy", **rates(clock.stamps, workload.warm), setup=setup,
        accuracy=reached, data=digest(data), rounds=rounds,
    )  # fmt: skip


if __name__ == "__main__":
    main()
