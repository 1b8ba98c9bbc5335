"""The server: FedAvg over everybody, which says on its output when each round ended."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context  # type: ignore[import-not-found]
from flwr.serverapp import Grid, ServerApp  # type: ignore[import-not-found]
from flwr.serverapp.strategy import FedAvg  # type: ignore[import-not-found]

app = ServerApp()


class Timed(FedAvg):  # type: ignore[misc]
    """FedAvg that prints a stamp for each round."""

    def aggregate_train(self, server_round: int, replies: Any) -> Any:
        """Aggregate, and take the time."""
        found = super().aggregate_train(server_round, replies)
        print("STAMP", perf_counter(), flush=True)
        return found


@app.main()  # type: ignore[untyped-decorator]
def main(grid: Grid, context: Context) -> None:
    """Run the rounds."""
    clients = int(context.run_config["clients"])
    strategy = Timed(
        fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=clients,
        min_available_nodes=clients,
    )  # fmt: skip
    start = ArrayRecord([np.zeros(11)])
    print("STAMP", perf_counter(), flush=True)
    strategy.start(grid=grid, initial_arrays=start, num_rounds=int(context.run_config["rounds"]))
    print("DONE", flush=True)
