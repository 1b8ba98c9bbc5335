"""What a runner tells of one run: a JSON object on the last line of its standard output.

Only NumPy and the standard library are there in a peer's environment.
"""

from __future__ import annotations

import json
import os
import resource
from importlib import metadata
from time import time
from typing import Any

_BEGAN = float(os.environ.get("BENCHMARK_BEGAN") or time())


def elapsed() -> float:
    """Return the seconds since whoever started this process started it."""
    return time() - _BEGAN


def tell(*libraries: str, **fields: Any) -> None:
    """Print a run's outcome with the process's peak of resident memory, in megabytes.

    Args:
        libraries: distributions whose versions are told.
        fields: the outcome.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    versions = {name: metadata.version(name) for name in libraries}
    print(json.dumps({**fields, "peak_mb": peak / 1024, "versions": versions}), flush=True)


def rates(stamps: list[float], warm: int) -> dict[str, float]:
    """Return what the times at which rounds ended mean, the beginning of the first one in front.

    Args:
        stamps: seconds, one more than there were rounds.
        warm: rounds that are not timed.
    """
    timed = len(stamps) - 1 - warm
    return {
        "first_round": stamps[1] - stamps[0],
        "round": (stamps[-1] - stamps[warm]) / timed,
    }
