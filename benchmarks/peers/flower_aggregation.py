"""Flower's aggregation functions on the vectors, as its strategies call them."""

from __future__ import annotations

import numpy as np
from benchmarks.outcome import tell
from benchmarks.vectors import BAD, asked, digest, least, updates
from flwr.server.strategy.aggregate import (  # type: ignore[import-not-found]
    aggregate_krum,
    aggregate_median,
    aggregate_trimmed_avg,
)


def main() -> None:
    """Time what there is of the rules."""
    count, size = asked()
    values = updates(count, size)
    bad = count // BAD
    results = [([row], 1) for row in values.astype(np.float32)]
    seconds = {
        "krum": least(lambda: aggregate_krum(results, bad, 0)),
        "median": least(lambda: aggregate_median(results)),
        "trimmed_mean": least(lambda: aggregate_trimmed_avg(results, 1 / BAD)),
    }
    tell(data=digest(values), seconds=seconds)


if __name__ == "__main__":
    main()
