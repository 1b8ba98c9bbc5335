"""The learning rate of a round, where a study changes it from round to round.

Warm-up: Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2. Cosine: Loshchilov and
Hutter, "SGDR", ICLR 2017, equation 5, without restarts. That local rates must decay for FedAvg to
converge on unlike sites: Li, Huang, Yang, Wang and Zhang, "On the Convergence of FedAvg on Non-IID
Data", ICLR 2020, theorem 4.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from collegium.study.document import Training


def rate_at(training: Training, number: int) -> float:
    """Return the learning rate of a round, from 1 on; after the last one it stays."""
    schedule = training.schedule
    if schedule is None:
        return training.learning_rate
    if number <= schedule.warmup:
        return training.learning_rate * number / (schedule.warmup + 1)
    after = min(number, training.rounds) - schedule.warmup - 1
    if schedule.kind == "step":
        return float(training.learning_rate * schedule.factor ** (after // schedule.every))
    whole = max(1, training.rounds - schedule.warmup - 1)
    share = schedule.factor + (1.0 - schedule.factor) * 0.5 * (
        1.0 + math.cos(math.pi * after / whole)
    )
    return training.learning_rate * share


def training_at(training: Training, number: int) -> Training:
    """Return a round's settings."""
    rate = rate_at(training, number)
    return training if rate == training.learning_rate else replace(training, learning_rate=rate)
