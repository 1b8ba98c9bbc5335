"""The same on Opacus, as its documentation would write it: Poisson samples, its optimizer."""

from __future__ import annotations

import argparse
import warnings
from time import perf_counter
from typing import Any

import torch
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
from opacus import PrivacyEngine  # type: ignore[import-not-found]
from torch.utils.data import DataLoader, TensorDataset


def dense() -> torch.nn.Module:
    """Return the network of 64-128-10."""
    return torch.nn.Sequential(
        torch.nn.Linear(WIDTHS[0], WIDTHS[1]), torch.nn.ReLU(), torch.nn.Linear(*WIDTHS[1:])
    )


def convolutional() -> torch.nn.Module:
    """Return the convolutional network of two stages."""
    parts: list[torch.nn.Module] = [torch.nn.Unflatten(1, (1, SIDE, SIDE))]
    for before, after in zip((1, *CHANNELS), CHANNELS, strict=False):
        parts += [
            torch.nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2),
            torch.nn.GroupNorm(4, after), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        ]  # fmt: skip
    parts += [
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(CHANNELS[-1], WIDTHS[-1]),
    ]
    return torch.nn.Sequential(*parts)


def main() -> None:
    """Train and print seconds a step, and the accuracy over all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="torch's threads; its default if 0")
    parser.add_argument("--mode", default="hooks", help="Opacus's way to gradients of samples")
    parser.add_argument("--network", choices=["mlp", "cnn"], default="mlp")
    given = parser.parse_args()
    warm, steps = (WARM, STEPS) if given.network == "mlp" else (10, CNN_STEPS)
    if given.threads:
        torch.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    x, y = rows()
    data = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    model = dense() if given.network == "mlp" else convolutional()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    loader = DataLoader(data, batch_size=round(RATE * len(y)))
    criterion: Any = torch.nn.CrossEntropyLoss()
    private = PrivacyEngine().make_private(
        module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=NOISE,
        max_grad_norm=CLIP, poisson_sampling=True, grad_sample_mode=given.mode, criterion=criterion,
    )  # fmt: skip
    model, optimizer = private[0], private[1]
    if given.mode == "ghost":
        criterion = private[2]
    loader = private[-1]
    setup, taken, began = elapsed(), 0, perf_counter()
    while taken < warm + steps:
        for features, classes in loader:
            if taken == warm:
                began = perf_counter()
            optimizer.zero_grad()
            criterion(model(features), classes).backward()
            optimizer.step()
            taken += 1
            if taken == warm + steps:
                break
    step = (perf_counter() - began) / steps
    with torch.no_grad():
        right = float((model(torch.from_numpy(x)).argmax(1) == torch.from_numpy(y)).float().mean())
    tell(step=step, setup=setup, accuracy=right)


if __name__ == "__main__":
    main()
