"""Our DP-SGD beside Opacus's: ``python -m benchmarks.private --opacus PYTHON``.

One site, a network of 64-128-10, 4,096 rows, Poisson samples of rate 1/16, so 256 rows a step on
average, the same clip and noise. Sampling, loading, clipping, noise and the step are all timed.
With ``--network cnn``: the same rows as pictures of 8 by 8, two stages of convolution, group
normalization and halving (16 and 32 channels), the mean over places, and one layer.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

WIDTHS = (64, 128, 10)
ROWS, RATE = 4096, 1 / 16
CLIP, NOISE, LEARNING_RATE = 1.0, 1.0, 0.25
WARM, STEPS = 50, 500
CHANNELS, KERNEL, SIDE = (16, 32), 3, 8
CNN_STEPS = 60
"""Of the convolutional network, which takes longer; ten before them."""

TOLERANCE = {"mlp": 0.03, "cnn": 0.1}
"""How far accuracies may lie apart; so few steps under so much noise teach a cnn little."""


def rows(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the rows and their classes: a center a class and noise around it."""
    draws = np.random.RandomState(seed)
    centers = draws.standard_normal((WIDTHS[-1], WIDTHS[0])) * 0.35
    y = draws.randint(WIDTHS[-1], size=ROWS).astype(np.int64)
    x = draws.standard_normal((ROWS, WIDTHS[0])) + centers[y]
    return x.astype(np.float32), y


def main() -> None:
    """Run everybody in turn and print times a step and ratios."""
    from benchmarks.children import outcome, span, table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--opacus", required=True, help="the python of Opacus's environment")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--network", choices=["mlp", "cnn"], default="mlp")
    given = parser.parse_args()
    which = ("--network", given.network)
    theirs = (given.opacus, "benchmarks.peers.opacus_dp_sgd")
    runners = {
        "Opacus, gradients stored (its default)": (*theirs, which),
        "Opacus, ghost clipping": (*theirs, ("--mode", "ghost", *which)),
        "Opacus, one thread": (*theirs, ("--threads", "1", *which)),
        "ours": (sys.executable, "benchmarks.ours.dp_sgd", which),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in runners}
    for _ in range(given.repeats):
        for name, (python, module, arguments) in runners.items():
            found[name].append(outcome(python, module, *arguments))
    accuracies = [one["accuracy"] for told in found.values() for one in told]
    if max(accuracies) - min(accuracies) > TOLERANCE[given.network]:
        raise RuntimeError(f"not the same training: accuracies {accuracies}")
    ours = [one["step"] for one in found["ours"]]
    lines = []
    for name, told in found.items():
        times = [one["step"] for one in told]
        ratio = span([one / other for one, other in zip(times, ours, strict=True)])
        lines.append(
            [name, span([1000 * one for one in times]).text(), ratio.text(),
             f"{span([one['accuracy'] for one in told]).median:.3f}",
             f"{span([one['peak_mb'] for one in told]).median:.0f}"]
        )  # fmt: skip
    head = ["runner", "ms a step", "times ours", "accuracy", "peak MB"]
    print(table(head, lines))


if __name__ == "__main__":
    main()
