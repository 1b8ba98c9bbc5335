"""The MLP workload in Flower's simulation (Beutel et al. 2020): clients as actors of Ray.

Clients train with plain NumPy, which takes them a millisecond or two, so what is timed is Flower.
It draws its own cohorts, and runs fewer rounds than the others: each takes long.
"""

from __future__ import annotations

import argparse
import logging
from time import perf_counter
from typing import Any

import numpy as np
from benchmarks.outcome import elapsed, rates, tell
from benchmarks.workloads import MLP, Client, accuracy, chained, digest, kept
from flwr.client import ClientApp, NumPyClient  # type: ignore[import-not-found]
from flwr.common import (  # type: ignore[import-not-found]
    Context,
    ndarrays_to_parameters,
    parameters_to_ndarrays,
)
from flwr.server import (  # type: ignore[import-not-found]
    ServerApp,
    ServerAppComponents,
    ServerConfig,
)
from flwr.server.strategy import FedAvg  # type: ignore[import-not-found]
from flwr.simulation import run_simulation  # type: ignore[import-not-found]

ROUNDS, WARM = 12, 2


class Site(NumPyClient):  # type: ignore[misc]
    """A client: gradient descent on its own rows."""

    def __init__(self, own: Client) -> None:
        self._own = own

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, Any]:
        """Return the parameters after an epoch, and how many rows there are."""
        w1, b1, w2, b2 = (np.array(one) for one in parameters)
        rows = len(self._own.y)
        order = np.random.permutation(rows)
        for first in range(0, rows, MLP.batch):
            part = order[first : first + MLP.batch]
            x = self._own.x[part]
            inner = x @ w1 + b1
            hidden = np.maximum(inner, 0.0)
            values = hidden @ w2 + b2
            error = np.exp(values - values.max(axis=1, keepdims=True))
            error /= error.sum(axis=1, keepdims=True)
            error[np.arange(len(part)), self._own.y[part]] -= 1.0
            error *= MLP.learning_rate / len(part)
            below = (error @ w2.T) * (inner > 0)
            w2 -= hidden.T @ error
            b2 -= error.sum(axis=0)
            w1 -= x.T @ below
            b1 -= below.sum(axis=0)
        return [w1, b1, w2, b2], rows, {}


def client_fn(context: Context) -> Any:
    """Return the client of a node."""
    return Site(kept(MLP)[int(context.node_config["partition-id"])]).to_client()


class Timed(FedAvg):  # type: ignore[misc]
    """Flower's own rule, which notes when each round ended and keeps what it came to."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.stamps: list[float] = []
        self.reached: list[Any] = []

    def configure_fit(self, *arguments: Any, **named: Any) -> Any:
        """Note when the first round begins."""
        if not self.stamps:
            self.stamps.append(perf_counter())
        return super().configure_fit(*arguments, **named)

    def aggregate_fit(self, *arguments: Any, **named: Any) -> Any:
        """Note when a round ends."""
        found = super().aggregate_fit(*arguments, **named)
        self.reached = parameters_to_ndarrays(found[0])
        self.stamps.append(perf_counter())
        return found


def main() -> None:
    """Run the workload and print its outcome."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    imported = elapsed()
    data = kept(MLP)
    generating = elapsed() - imported
    logging.getLogger("flwr").setLevel(logging.ERROR)
    draws = np.random.RandomState(0)
    inputs, hidden, outputs = MLP.widths
    start = []
    for before, after in ((inputs, hidden), (hidden, outputs)):
        weight = draws.uniform(-1.0, 1.0, (before, after)) * np.sqrt(6.0 / before)
        start += [weight.astype(np.float32), np.zeros(after, np.float32)]
    strategy = Timed(
        fraction_fit=MLP.per_round / MLP.clients, fraction_evaluate=0.0,
        initial_parameters=ndarrays_to_parameters(start),
    )  # fmt: skip

    def server_fn(context: Context) -> Any:
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=WARM + ROUNDS))

    setup = elapsed() - generating
    run_simulation(
        ServerApp(server_fn=server_fn), ClientApp(client_fn=client_fn), MLP.clients,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )  # fmt: skip
    w1, b1, w2, b2 = strategy.reached
    tell(
        "flwr", "ray", "numpy", **rates(strategy.stamps, WARM), setup=setup,
        accuracy=accuracy(data, chained([(b1, w1), (b2, w2)])), data=digest(data),
        rounds=WARM + ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
