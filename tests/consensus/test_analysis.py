"""What is known of mining in closed form, against golden values and against drawn epochs."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from collegium.consensus.analysis import (
    Rivals,
    best_rate,
    catch_up,
    confirmations_for,
    epoch_seconds,
    fork_probability,
)

ROWS = [
    (10, 0.05, 0.05, 4.0000, 0.1527, 0.181, 1.0723),
    (10, 0.05, 0.20, 1.2283, 0.4237, 0.218, 0.3121),
    (10, 1.0, 0.20, 0.6052, 1.5409, 0.114, 0.1775),
    (10, 0.05, 1.0, 0.2646, 1.8605, 0.233, 0.0657),
    (4, 0.05, 0.20, 1.7913, 0.5574, 0.301, 0.8844),
    (30, 0.05, 0.20, 0.7525, 0.3421, 0.140, 0.0990),
]
"""Miners, waiting and propagation; the best rate, its epoch and its forks with one rival; and the
best rate with all others as rivals."""


@pytest.mark.parametrize(
    ("share", "confirmations", "likely"),
    [(0.1, 1, 0.2046), (0.1, 6, 2.4e-4), (0.3, 6, 0.1321), (0.3, 10, 0.0417), (0.45, 6, 0.766)],
)
def test_an_attacker_catches_up_as_nakamoto_says(
    share: float, confirmations: int, likely: float
) -> None:
    assert catch_up(share, confirmations) == pytest.approx(likely, rel=6e-3, abs=5e-5)


def test_half_of_the_power_always_catches_up_and_less_needs_more_confirmations() -> None:
    """The last three are of Nakamoto's table of z for P below 0.1 %."""
    assert catch_up(0.5, 100) == 1
    assert (catch_up(0, 0), catch_up(0, 1)) == (1, 0)
    assert confirmations_for(0.5, 0.001) is None
    assert [confirmations_for(q, 0.001) for q in (0.1, 0.25, 0.4)] == [5, 15, 89]


@pytest.mark.parametrize("row", ROWS)
def test_the_best_rate_of_blockfl_is_the_golden_one(row: tuple[float, ...]) -> None:
    miners, waiting, propagation, rate, seconds, forks, of_all = row
    count = int(miners)
    best = best_rate(count, waiting, propagation, "one")
    assert best == pytest.approx(rate, abs=5e-5)
    assert epoch_seconds(best, count, waiting, propagation, "one") == pytest.approx(
        seconds, abs=5e-5
    )
    assert fork_probability(best, count, propagation, "one") == pytest.approx(forks, abs=5e-4)
    assert best_rate(count, waiting, propagation, "all") == pytest.approx(of_all, abs=5e-5)


@pytest.mark.parametrize("rivals", ["one", "all"])
def test_the_best_rate_falls_with_miners_waiting_and_propagation(rivals: Rivals) -> None:
    rates = [
        best_rate(*at, rivals)
        for at in ((4, 0.05, 0.2), (10, 0.05, 0.2), (10, 1.0, 0.2), (10, 1.0, 1.0))
    ]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("rivals", ["one", "all"])
@pytest.mark.parametrize("row", ROWS)
def test_drawn_epochs_take_least_time_at_the_closed_form_and_fork_as_often(
    row: tuple[float, ...], rivals: Rivals
) -> None:
    """Each miner's time is drawn; whoever is first forks with a rival that is not later enough."""
    miners, waiting, propagation = int(row[0]), row[1], row[2]
    draws = 60_000
    drawn = np.random.default_rng(1).exponential(size=(draws, miners))
    order = np.argsort(drawn, axis=1)
    first = np.take_along_axis(drawn, order[:, :1], axis=1)[:, 0]
    # One rival is the miner after the first one by number; of all, it is the second one in time.
    rival = (order[:, 0] + 1) % miners if rivals == "one" else order[:, 1]
    ahead = np.take_along_axis(drawn, rival[:, None], axis=1)[:, 0] - first

    def simulated(rate: float) -> tuple[float, float]:
        forks = float(np.mean(ahead / rate < propagation))
        once = waiting + propagation + float(np.mean(first)) / rate
        return once / (1 - forks), forks

    best = best_rate(miners, waiting, propagation, rivals)
    rates = [best * 2 ** (step / 4) for step in range(-12, 13)]
    times = [simulated(rate)[0] for rate in rates]
    least = int(np.argmin(times))
    assert 0 < least < len(times) - 1
    assert times[: least + 1] == sorted(times[: least + 1], reverse=True)
    assert times[least:] == sorted(times[least:])
    at_best, forks = simulated(best)
    assert at_best <= 1.01 * min(times)
    expected = fork_probability(best, miners, propagation, rivals)
    assert abs(forks - expected) < 3 * sqrt(expected * (1 - expected) / draws)
