"""The logistic workload (or the MLP one) on fedjax (Ro, Suresh and Wu 2021), by its own FedAvg."""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import Any

import fedjax  # type: ignore[import-not-found]
import jax
import jax.numpy as jnp
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
from fedjax.algorithms import fed_avg  # type: ignore[import-not-found]


def initial(workload: Workload) -> list[tuple[Any, Any]]:
    """Return (bias, weight) of each layer: zeros, or He's uniform draws with hidden layers."""
    draws = np.random.RandomState(0)
    layers = []
    for inputs, outputs in zip(workload.widths, workload.widths[1:], strict=False):
        reach = np.sqrt(6.0 / inputs) if len(workload.widths) > 2 else 0.0
        weight = draws.uniform(-1.0, 1.0, (inputs, outputs)) * reach
        layers.append((jnp.zeros(outputs), jnp.asarray(weight, jnp.float32)))
    return layers


def loss(layers: Any, batch: Any, _: Any) -> Any:
    """Return the mean loss of a batch."""
    values = batch["x"]
    for depth, (bias, weight) in enumerate(layers):
        values = (jax.nn.relu(values) if depth else values) @ weight + bias
    if values.shape[1] == 1:
        return jnp.mean(jnp.logaddexp(0.0, values[:, 0]) - batch["y"] * values[:, 0])
    chosen = jnp.take_along_axis(jax.nn.log_softmax(values), batch["y"][:, None], axis=1)
    return -jnp.mean(chosen)


def main() -> None:
    """Run one workload and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    workload = WORKLOADS[parser.parse_args().workload]
    imported = elapsed()
    data = clients(workload)
    generating = elapsed() - imported
    sets = [fedjax.ClientDataset({"x": one.x, "y": one.y.astype(np.int32)}) for one in data]
    algorithm = fed_avg.federated_averaging(
        jax.jit(jax.grad(loss)),
        fedjax.optimizers.sgd(workload.learning_rate),
        fedjax.optimizers.sgd(1.0),
        fedjax.ShuffleRepeatBatchHParams(batch_size=workload.batch, num_epochs=1, seed=0),
    )
    state = algorithm.init(initial(workload))
    key = jax.random.PRNGKey(0)
    stamps = [perf_counter()]
    setup = elapsed() - generating
    for number in range(1, workload.warm + workload.rounds + 1):
        chosen = trainers(workload, number)
        key, own = jax.random.split(key)
        keys = jax.random.split(own, len(chosen))
        state, _ = algorithm.apply(
            state, [(index, sets[index], one) for index, one in zip(chosen, keys, strict=True)]
        )
        jax.block_until_ready(state.params)
        stamps.append(perf_counter())
    tell(
        "fedjax", "jax", "numpy", **rates(stamps, workload.warm), setup=setup,
        accuracy=accuracy(data, chained(state.params)), data=digest(data),
        rounds=workload.warm + workload.rounds,
    )  # fmt: skip


if __name__ == "__main__":
    main()
