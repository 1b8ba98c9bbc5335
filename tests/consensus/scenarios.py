"""What the tests of all protocols do."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from collegium.consensus.machine import ConsensusProtocol, Item, Setting
from collegium.consensus.network import Crash, Links, Network, Weather
from collegium.consensus.simulator import Simulator


def item(number: int, size: int = 100) -> Item:
    return Item(sha256(b"%d" % number).digest(), size)


def entering(
    simulator: Simulator, blocks: int, at: Sequence[int] = (0,), patience: int = 600_000_000
) -> None:
    """Let one transaction enter after the other has been decided by all, at validators in turn."""
    start = max(seat.decided for seat in simulator.seats)
    for number in range(blocks):
        simulator.enter(at[number % len(at)], [item(start + number)])
        assert simulator.run(
            lambda: all(seat.decided > start + number for seat in simulator.honest if seat.alive),  # noqa: B023
            simulator.now + patience,
        )


def trace(name: str, protocol: ConsensusProtocol) -> str:
    """Return what four validators do with three transactions, while the first one is away once."""
    lines = [f"{name} {protocol.version}: times in microseconds, validators by number"]
    weather = Weather(crashes=(Crash(0, 55_000, 3_000_000),))
    network = Network(Links(10_000, 10_000, 0, 1_000_000_000), weather)
    setting = Setting(0, (1,) * 4, timeout=200_000, options=protocol.defaults)
    simulator = Simulator(protocol, setting, network, watch=lines.append)
    for number, at in enumerate((0, 100_000, 200_000)):
        simulator.enter(number + 1, [item(number)], at)
    expected = {item(number).digest for number in range(3)}
    assert simulator.run(
        lambda: all(expected <= one.ordered_finally() for one in simulator.seats), 10**12
    )
    return "".join(f"{line}\n" for line in lines)
