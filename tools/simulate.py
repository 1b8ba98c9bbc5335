"""Run drawn trials of consensus protocols on all cores, and name those that fail by their commands.

``python tools/simulate.py --seeds 10000``: what `make simulate` calls. It gives way to other work,
and its exit status is 1 if a trial does not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from time import monotonic

from collegium.consensus.trials import failing_trials
from collegium.cores import cores
from collegium.plugins import names

AT_ONCE = 100
"""Trials that a process runs before it tells what came of them."""


def main() -> None:
    """Run the trials that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="trials of each protocol")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--protocols", default=",".join(names("protocols")), help="names, by commas"
    )
    asked = parser.parse_args()
    failed = 0
    with ProcessPoolExecutor(cores(), initializer=os.nice, initargs=(10,)) as pool:
        for name in asked.protocols.split(","):
            began, end = monotonic(), asked.first + asked.seeds
            due = [
                pool.submit(failing_trials, name, range(at, min(at + AT_ONCE, end)))
                for at in range(asked.first, end, AT_ONCE)
            ]
            found = 0
            for one in as_completed(due):
                for command in one.result():
                    found += 1
                    print(f"FAILED: {command}", flush=True)
            failed += found
            print(
                f"{name}: {asked.seeds} trials, {found} failed, {monotonic() - began:.0f} s",
                flush=True,
            )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
