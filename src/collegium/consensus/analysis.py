"""What can be said of mining without a simulation: catching up, selfishness, forks, the best rate.

All functions are pure; times are seconds and rates blocks a second.
"""

from __future__ import annotations

from math import exp, expm1, lgamma, log, sqrt
from typing import Literal

MOST = 1 << 17
"""Confirmations above which none are looked for: two years of Bitcoin's."""

Rivals = Literal["one", "all"]
"""Who may find another block while the first one spreads, so that both fork: one other miner, or
all others."""


def catch_up(share: float, confirmations: int) -> float:
    """Return how likely an attacker ever takes back a block with so many on top of it.

    Nakamoto, "Bitcoin: A Peer-to-Peer Electronic Cash System", 2008, section 11: while the honest
    find `confirmations` blocks, the attacker's are Poisson; then it is a gambler who has to make up
    for what is missing.

    Args:
        share: the attacker's share of all power, from 0 to 1.
        confirmations: blocks on top, 0 or more.
    """
    if share >= 0.5:
        return 1.0
    if share == 0 or confirmations == 0:
        return float(confirmations == 0)
    odds = share / (1 - share)
    mean = confirmations * odds
    missed = 0.0
    for found in range(confirmations + 1):
        # By logarithms: exp(-mean) alone is 0 as soon as the mean is 746.
        likely = exp(found * log(mean) - mean - lgamma(found + 1))
        missed += likely * (1 - odds ** (confirmations - found))
    return 1 - missed


def confirmations_for(share: float, limit: float) -> int | None:
    """Return how many blocks on top keep `catch_up` at or below a limit.

    None where none do, or more than `MOST`.
    """
    if share >= 0.5:
        return None
    high = 1
    while catch_up(share, high) > limit:
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if catch_up(share, middle) <= limit else (middle + 1, high)
    return high


def selfish_revenue(share: float, reached: float) -> float:
    """Return the share of all blocks that a pool has that mines selfishly.

    Eyal and Sirer, "Majority is not Enough: Bitcoin Mining is Vulnerable", FC 2014, equation 8.

    Args:
        share: the pool's share of all power (alpha), from 0 to less than 0.5.
        reached: the share of the others' power that mines on the pool's block where two are level
            (gamma), from 0 to 1.
    """
    won = share * (1 - share) ** 2 * (4 * share + reached * (1 - 2 * share)) - share**3
    return won / (1 - share * (1 + (2 - share) * share))


def selfish_threshold(reached: float) -> float:
    """Return the share of all power above which mining selfishly pays: Eyal and Sirer, equation 9.

    Args:
        reached: as of `selfish_revenue`.
    """
    return (1 - reached) / (3 - 2 * reached)


def fork_probability(rate: float, miners: int, propagation: float, rivals: Rivals) -> float:
    """Return how likely another miner finds a block before it hears of the first one.

    Kim, Park, Bennis and Kim, "Blockchained On-Device Federated Learning", IEEE Communications
    Letters 2020, with one rival; Wilhelmi, Giupponi and Dini's re-model of it with all others.

    Args:
        rate: of each miner.
        miners: how many there are.
        propagation: until a block is with everybody.
        rivals: who may fork it.
    """
    return -expm1(-rate * _exposed(miners, propagation, rivals))


def epoch_seconds(
    rate: float, miners: int, waiting: float, propagation: float, rivals: Rivals
) -> float:
    """Return the mean time of a BlockFL epoch's waiting, mining and spreading.

    All three are gone through again until there is no fork:
    (waiting + propagation + 1 / (miners rate)) / (1 - p_fork).
    """
    once = waiting + propagation + 1 / (miners * rate)
    return once / (1 - fork_probability(rate, miners, propagation, rivals))


def best_rate(miners: int, waiting: float, propagation: float, rivals: Rivals) -> float:
    """Return the rate of each miner at which `epoch_seconds` is least.

    The closed form of Kim et al., section III; with all others as rivals it is the same with their
    common exposure in the exponent.
    """
    exposed = _exposed(miners, propagation, rivals)
    return 2 / (exposed * (1 + sqrt(1 + 4 * miners * (waiting + propagation) / exposed)))


def _exposed(miners: int, propagation: float, rivals: Rivals) -> float:
    return propagation * (1 if rivals == "one" else miners - 1)
