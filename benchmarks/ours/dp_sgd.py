"""Our DP-SGD alone: one site, Poisson samples, every unit a row."""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
from benchmarks.outcome import elapsed, tell
from benchmarks.private import (
    CHANNELS,
    CLIP,
    CNN_STEPS,
    KERNEL,
    LEARNING_RATE,
    NOISE,
    RATE,
    SIDE,
    STEPS,
    WARM,
    WIDTHS,
    rows,
)

from collegium.learning.dense import DENSE
from collegium.learning.models import ModelSpec, initial_parameters, predict
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.private import NoiseTerms, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training


def main() -> None:
    """Train and print seconds a step, and the accuracy over all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=["mlp", "cnn"], default="mlp")
    given = parser.parse_args()
    x, y = rows()
    spec, trainer, turns = ModelSpec(WIDTHS, "multinomial", 0.0), DENSE, (WARM, STEPS)
    if given.network == "cnn":
        from collegium.learning.jax_trainer import JAX

        network = Convolutional((1, SIDE, SIDE), CHANNELS, KERNEL, (), WIDTHS[-1])
        spec = ModelSpec((WIDTHS[0], WIDTHS[-1]), "multinomial", 0.0, network=network)
        trainer, turns = JAX, (CNN_STEPS, CNN_STEPS)  # what is compiled depends on the steps
    training = Training(rounds=1, learning_rate=LEARNING_RATE)
    if not isinstance(trainer, PrivateTrainer):
        raise TypeError(trainer)
    setup, parameters, units = elapsed(), initial_parameters(spec, 0), np.arange(len(y))
    began = perf_counter()
    for turn, steps in enumerate(turns):
        began = perf_counter()
        job = PrivateJob(
            TrainingJob("site", x, y, parameters, turn), units, len(y), bytes([turn]) * 32
        )
        how = NoiseTerms(CLIP, NOISE, RATE, steps)
        parameters = trainer.train_privately([job], spec, training, how)[0]
    step = (perf_counter() - began) / turns[-1]
    right = float((predict(spec, parameters, x).argmax(axis=1) == y).mean())
    tell(step=step, setup=setup, accuracy=right)


if __name__ == "__main__":
    main()
