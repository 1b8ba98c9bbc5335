"""How fast consensus protocols are simulated on one core: ``python benchmarks/consensus.py``.

Deliveries a second of processor time, for each protocol: validators on the network `wan` under a
steady load without faults, by how many there are, and drawn trials with faults. Messages that
nobody hears count as none, and timers and entering transactions cost time without counting. The
goal is 50,000. Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from statistics import median
from time import process_time

from collegium.consensus.machine import ConsensusProtocol, Item, Setting
from collegium.consensus.network import Network
from collegium.consensus.simulator import Simulator
from collegium.consensus.trials import run_trial
from collegium.ledger.engines.simnet.settings import timeout_of
from collegium.plugins import find, names

GOAL = 50_000
EVERY = 100_000
"""Virtual microseconds between two transactions."""

REPEATS = 3


def steady(protocol: ConsensusProtocol, validators: int, deliveries: int) -> float:
    """Return deliveries a second of a core, until so many are delivered."""
    network = Network()
    setting = Setting(0, (1,) * validators, 1, timeout_of(network.links), options=protocol.defaults)
    simulator = Simulator(protocol, setting, network, seed=1)
    entered, start = 0, process_time()
    while simulator.counted.delivered < deliveries:
        digest = sha256(b"%d" % entered).digest()
        simulator.enter(entered % validators, [Item(digest, 1000)])
        entered += 1
        simulator.run(lambda: False, simulator.now + EVERY)
    return simulator.counted.delivered / (process_time() - start)


def drawn(protocol: ConsensusProtocol, trials: int) -> float:
    """Return deliveries a second of a core in trials."""
    start = process_time()
    delivered = sum(run_trial(protocol, seed).deliveries for seed in range(trials))
    return delivered / (process_time() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocols", default=",".join(names("protocols")), help="names")
    parser.add_argument("--deliveries", type=int, default=200_000, help="of a repeat")
    parser.add_argument("--trials", type=int, default=100, help="of a repeat")
    asked = parser.parse_args()
    counts = (4, 10, 31, 100)
    print(f"| protocol | {' | '.join(f'{n} validators' for n in counts)} | trials | goal |")
    print("|---|" + "---|" * (len(counts) + 2))
    for name in asked.protocols.split(","):
        protocol: ConsensusProtocol = find("protocols", name)
        rates = [
            median(steady(protocol, n, asked.deliveries) for _ in range(REPEATS)) for n in counts
        ]
        rates.append(median(drawn(protocol, asked.trials) for _ in range(REPEATS)))
        said = "reached" if min(rates) >= GOAL else "**missed**"
        print(f"| {name} | {' | '.join(f'{one:,.0f}' for one in rates)} | {said} |", flush=True)


if __name__ == "__main__":
    main()
