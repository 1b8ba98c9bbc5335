"""Our DP-SGD alone: one site, Poisson samples, every unit a row."""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
from benchmarks.private import CLIP, LEARNING_RATE, NOISE, RATE, STEPS, WARM, WIDTHS, rows

from collegium.benchmark.timing.outcome import elapsed, tell
from collegium.learning.dense import DENSE
from collegium.learning.models import ModelSpec, initial_parameters, predict
from collegium.learning.private import Noising, PrivateJob, PrivateTrainer
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training


def main() -> None:
    """Train and print seconds a step, and the accuracy over all rows."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    x, y = rows()
    spec = ModelSpec(WIDTHS, "multinomial", 0.0)
    training = Training(rounds=1, learning_rate=LEARNING_RATE)
    if not isinstance(DENSE, PrivateTrainer):
        raise TypeError(DENSE)
    setup, parameters, units = elapsed(), initial_parameters(spec, 0), np.arange(len(y))
    began = perf_counter()
    for turn, steps in enumerate((WARM, STEPS)):
        began = perf_counter()
        job = PrivateJob(
            TrainingJob("site", x, y, parameters, turn), units, len(y), bytes([turn]) * 32
        )
        how = Noising(CLIP, NOISE, RATE, steps)
        parameters = DENSE.train_privately([job], spec, training, how)[0]
    step = (perf_counter() - began) / STEPS
    right = float((predict(spec, parameters, x).argmax(axis=1) == y).mean())
    tell(step=step, setup=setup, accuracy=right)


if __name__ == "__main__":
    main()
