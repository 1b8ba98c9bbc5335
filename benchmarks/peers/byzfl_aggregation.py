"""ByzFL's aggregators on the vectors, as arrays and as tensors: the faster of the two counts.

The package imports its own benchmark, and with that torchvision and data sets, of which no
aggregator needs anything; an empty module stands in.
"""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
from benchmarks.outcome import tell
from benchmarks.vectors import BAD, asked, digest, timed, updates

sys.modules["byzfl.benchmark"] = ModuleType("byzfl.benchmark")

import torch  # type: ignore[import-not-found, unused-ignore]  # noqa: E402
from byzfl import (  # type: ignore[import-not-found]  # noqa: E402
    NNM,
    CenteredClipping,
    GeometricMedian,
    Krum,
    Median,
    TrMean,
)


def _centered_clipping() -> object:
    """Return the rule with as many steps as ours takes; its default is one."""
    return CenteredClipping(L=8, tau=100.0)


def main() -> None:
    """Time every aggregator."""
    count, size = asked()
    values = updates(count, size)
    bad = count // BAD
    array = values.astype(np.float32)
    tensor = torch.from_numpy(array)
    rules = {
        "krum": Krum(bad),
        "median": Median(),
        "trimmed_mean": TrMean(bad),
        "geometric_median": GeometricMedian(),
        "nnm+fedavg": NNM(bad),
        "centered_clipping": _centered_clipping(),
    }
    arrays = timed(rules, array)
    rules["centered_clipping"] = _centered_clipping()  # the old one has an array as its center
    tensors = timed(rules, tensor)
    seconds = {name: min(arrays[name], tensors[name]) for name in rules}
    tell(data=digest(values), seconds=seconds)


if __name__ == "__main__":
    main()
