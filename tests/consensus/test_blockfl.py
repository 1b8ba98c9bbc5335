"""BlockFL's epochs by the miners of `pow`, in the six golden settings, against its closed forms.

An epoch gathers updates for a while, mines a block and spreads it; where another block is found
meanwhile, it begins again. The same seeds at another rate are the same luck, mined faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple, get_args

import numpy as np
import pytest
from tests.consensus.scenarios import item
from tests.consensus.test_analysis import ROWS

from collegium.consensus.analysis import Rivals, best_rate, epoch_seconds, fork_probability
from collegium.consensus.machine import Setting
from collegium.consensus.network import Links, Network
from collegium.consensus.protocols.pow import POW
from collegium.consensus.simulator import Simulator

SECOND = 1_000_000
POWER = 10**6
OPTIONS = {"confirmations": 0, "retarget": 1 << 40}


class Attempt(NamedTuple):
    """How long it took, and which of the two models' rivals forked it."""

    seconds: float
    by: Mapping[Rivals, bool]


def attempt(rate: float, miners: int, waiting: float, propagation: float, seed: int) -> Attempt:
    """Let a block be found and spread; the last seat has no power, and tells all of the updates."""
    delay = round(SECOND * propagation)
    powers = (POWER,) * miners + (1,)
    setting = Setting(0, powers, seed, interval=round(SECOND / (miners * rate)), options=OPTIONS)
    simulator = Simulator(POW, setting, Network(Links(delay, delay, 0, 1 << 60)))
    gateway = simulator.seats[miners]
    # What it tells is with the miners when they have waited, and an epoch begins a delay later.
    simulator.enter(miners, [item(0)], round(SECOND * waiting))
    assert simulator.run(lambda: bool(gateway.chain), 1 << 50)
    first = gateway.chain[0].proposer
    finders = {
        who for who, seat in enumerate(simulator.seats)
        if seat.chain and seat.chain[0].proposer == who
    }  # fmt: skip
    rival = (first + 1) % miners
    seconds = (simulator.now - delay) / SECOND
    return Attempt(seconds, {"one": rival in finders, "all": finders > {first}})


def attempts(rate: float, row: tuple[float, ...], count: int) -> list[Attempt]:
    return [attempt(rate, int(row[0]), row[1], row[2], seed) for seed in range(count)]


def forked(found: Sequence[Attempt], rivals: Rivals) -> int:
    return sum(one.by[rivals] for one in found)


def epoch(found: Sequence[Attempt], rivals: Rivals) -> float:
    """Return the mean seconds until an attempt is not forked."""
    return sum(one.seconds for one in found) / (len(found) - forked(found, rivals))


@pytest.mark.parametrize("row", ROWS)
def test_simulated_miners_fork_and_take_as_long_as_the_golden_row_says(
    row: tuple[float, ...],
) -> None:
    miners, waiting, propagation, count = int(row[0]), row[1], row[2], 100
    for rivals in get_args(Rivals):
        rate = best_rate(miners, waiting, propagation, rivals)
        found = attempts(rate, row, count)
        likely = fork_probability(rate, miners, propagation, rivals)
        assert abs(forked(found, rivals) / count - likely) < 3 * sqrt(likely * (1 - likely) / count)
        once = waiting + propagation + 1 / (miners * rate)
        seconds = sum(one.seconds for one in found) / count
        assert abs(seconds - once) < 3 / (miners * rate * sqrt(count))


@pytest.mark.long
@pytest.mark.parametrize("rivals", ["one", "all"])
@pytest.mark.parametrize("row", ROWS)
def test_simulated_epochs_are_shortest_at_the_closed_forms_rate_and_a_curve_of_them_is_a_u(
    row: tuple[float, ...], rivals: Rivals
) -> None:
    miners, waiting, propagation, count = int(row[0]), row[1], row[2], 500
    best = best_rate(miners, waiting, propagation, rivals)
    steps = np.array([-2, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2])
    curve = [attempts(best * 2**step, row, count) for step in steps]
    times = [epoch(found, rivals) for found in curve]
    assert times[0] > times[1] > times[4] < times[7] < times[8]
    # The least of some means is too small by luck: a curve through all of them is less so.
    smooth = np.polynomial.Polynomial.fit(steps, np.log(times), 4)
    assert smooth(0) - smooth(np.linspace(-1, 1, 201)).min() < np.log(1.01)
    likely = fork_probability(best, miners, propagation, rivals)
    spread = sqrt(likely * (1 - likely) / count)
    assert abs(forked(curve[4], rivals) / count - likely) < 3 * spread
    expected = epoch_seconds(best, miners, waiting, propagation, rivals)
    assert times[4] == pytest.approx(expected, rel=4 / sqrt(count))
