"""Joules of what is sent and received, at a member's own end.

Two ends share what a fixed network takes. A radio stays awake for a while after it was used: its
tail. "recalled" marks figures for which no document was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a way.

    Attributes:
        up, down: joules a byte.
        tail: watts of a radio that is awake after its use.
        tail_seconds: how long.
        wake: joules until it is ready.
        source: where the figures are from.
    """

    up: float
    down: float
    tail: float = 0.0
    tail_seconds: float = 0.0
    wake: float = 0.0
    source: str = ""


LINKS: Mapping[str, Link] = {
    "ethernet": Link(1e-8, 1e-8, source="assumed: a port of 1.25 W at 1 Gb/s"),
    "internet": Link(
        3.4e-6, 3.4e-6,
        source="Aslan, Mayers, Koomey and France, J. Industrial Ecology 22(4), 2018: 0.06 kWh/GB in"
        " 2015, halved every two years; taken on to 2025, half of it at each end",
    ),
    "wifi": Link(
        2.4e-6, 1.15e-6,
        source="Huang et al., MobiSys 2012 (recalled): at 10 Mb/s up and 20 Mb/s down",
    ),
    "lte": Link(
        5.6e-6, 9.3e-7, 1.06, 11.6, 0.31,
        "Huang et al., MobiSys 2012 (recalled): at 5 Mb/s up and 20 Mb/s down",
    ),
    "hsdpa": Link(
        9e-5, 9e-5, source="AAU measurements: 1.13e-5 J/bit at 100 kb/s; down taken alike",
    ),
    "bluetooth": Link(4.6e-6, 4.6e-6, source="AAU measurements: 5.72e-7 J/bit at 685 kb/s"),
    "ble": Link(2.5e-7, 2.5e-7, source="recalled: a whole chip at 2M PHY, 2.5e-7 to 8e-7"),
    "lora": Link(1e-3, 1e-3, source="recalled: SF7, 5e-5 to 1e-3"),
}  # fmt: skip

OF_NETWORKS: Mapping[str, str] = {
    "lan": "ethernet", "metro": "internet", "wan": "internet", "world": "internet",
    "cellular": "lte",
}  # fmt: skip
"""The link of each of the simulated network's presets."""

GRID = 436.0
"""Grams of CO2 equivalents a kWh. Germany had 381 in 2023, France 56 (Our World in Data)."""

GRID_SOURCE = "the world's mean in 2022 (Ember, Global Electricity Review 2023)"
