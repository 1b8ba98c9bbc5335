"""The MLP workload on pfl (Granqvist et al. 2024), as its documentation would write it.

pfl takes a client's rows in their order where we shuffle them; the data sets are made once, so
that its cache of batches holds.
"""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import Any

import torch
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import MLP, accuracy, clients, cohort, digest
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


def main() -> None:
    """Run the workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="torch's threads; its default if 0")
    threads = parser.parse_args().threads
    if threads:
        torch.set_num_threads(threads)
    imported = elapsed()
    data = clients(MLP)
    generating = elapsed() - imported
    torch.manual_seed(0)
    inputs, hidden, outputs = MLP.widths
    network = Network(
        torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, outputs)
    )
    sets = [
        Dataset((torch.from_numpy(one.x), torch.from_numpy(one.y)), user_id=index)
        for index, one in enumerate(data)
    ]
    rounds = MLP.warm + MLP.rounds
    turns = iter([index for number in range(1, rounds + 2) for index in cohort(MLP, number)])
    federated = FederatedDataset(lambda index: sets[index], lambda: next(turns))
    model = PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), lr=1.0))
    clock = Clock()
    parameters = NNAlgorithmParams(
        central_num_iterations=rounds, evaluation_frequency=rounds + 1,
        train_cohort_size=MLP.per_round, val_cohort_size=None,
    )  # fmt: skip
    training = NNTrainHyperParams(
        local_num_epochs=1, local_learning_rate=MLP.learning_rate, local_batch_size=MLP.batch
    )
    backend = SimulatedBackend(federated, federated, [WeightByDatapoints()])
    clock.stamps.append(perf_counter())
    setup = elapsed() - generating
    FederatedAveraging().run(
        parameters, backend, model, training, callbacks=[clock], send_metrics_to_platform=False
    )
    linear = [one for one in network if isinstance(one, torch.nn.Linear)]
    matrices = [(one.bias.detach().numpy(), one.weight.detach().numpy().T) for one in linear]
    tell(
        **rates(clock.stamps, MLP.warm), setup=setup, accuracy=accuracy(data, matrices),
        data=digest(data),
    )  # fmt: skip


if __name__ == "__main__":
    main()
