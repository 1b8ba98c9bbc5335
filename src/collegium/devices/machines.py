"""Classes of machines: how fast they compute, what power they draw, what a battery holds.

Every figure is an assumption: a datasheet's order of magnitude or what is commonly reported, as
`source` says, and "recalled" where no document was read for it. Watts are a whole machine's,
without cooling: in a machine hall they grow by 1.2 to 1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """A class of machines.

    Attributes:
        flops: floating-point operations a second that training gets, on the whole machine.
        idle: watts while it waits.
        busy: watts while it trains.
        core: watts by which one busy core raises the power.
        speed: of one core, beside the one on which `cryptography` was measured.
        battery: joules, None on mains.
        source: where the figures are from.
    """

    flops: float
    idle: float
    busy: float
    core: float
    speed: float
    battery: float | None
    source: str

    @property
    def joules_a_flop(self) -> float:
        """What an operation takes beyond waiting: kappa of the model."""
        return (self.busy - self.idle) / self.flops

    @property
    def whole_joules_a_flop(self) -> float:
        """What an operation takes with what the machine draws anyway, as datasheets tell it."""
        return self.busy / self.flops


MACHINES: Mapping[str, Machine] = {
    "hospital_server": Machine(
        2e10, 30.0, 65.0, 9.0, 1.0, None,
        "recalled: a mini-server of four cores draws 30 W to 65 W; 20 GFLOP/s on small models",
    ),
    "hospital_gpu": Machine(
        9.4e13, 60.0, 400.0, 9.0, 1.0, None,
        "recalled: an A100 at 30 % of 312 TFLOP/s draws 400 W, 2e-12 to 5e-12 J/FLOP",
    ),
    "jetson_nano": Machine(
        1e11, 2.0, 10.0, 1.5, 0.3, None, "recalled: 10 W, about 100 GFLOP/s, 1e-10 J/FLOP"
    ),
    "raspberry_pi_4": Machine(
        5e9, 2.7, 6.0, 0.8, 0.25, None, "recalled: about 5 GFLOP/s at 6 W, 1e-9 J/FLOP"
    ),
    "phone": Machine(
        2e10, 0.03, 2.0, 1.0, 0.5, 55e3, "recalled: 2e-11 to 2e-10 J/FLOP; a battery of 4 Ah"
    ),
    "smartwatch": Machine(
        2e9, 0.02, 0.4, 0.2, 0.15, 4.2e3,
        "recalled: 1e-10 to 3e-10 J/FLOP of an A53; a battery of 300 mAh",
    ),
    "wearable": Machine(
        1.28e7, 5e-6, 1.024e-2, 1.024e-2, 1e-3, 2.4e3,
        "recalled: Cortex-M4 at 64 MHz, 0.16 nJ a cycle, 5 cycles a FLOP; a CR2032",
    ),
}  # fmt: skip
DEFAULT = "hospital_server"

HASHES = 2e6
"""Double SHA-256 a second on a core (recalled: 5e-6 J a hash on a processor, 3e-11 on an ASIC)."""

CORES = 4
"""Cores that a validator mines with, where validators mine."""
