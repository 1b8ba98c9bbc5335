"""How a site's update comes to be: local work, momentum that is carried on, encoding.

The seam stands between training and protection. Whoever takes a site's place with updates of its
own puts another author there, and everything after it is the site's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.federation.cohort import Float32, LocalWork
from collegium.federation.outbox import WriteOnce
from collegium.learning.encoding import encode, encode_step

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """What a round asks of its participants, as the ledger says it.

    Attributes:
        round: its number.
        exponent: e of its encoding.
        participants: who takes part, in order.
        weights: their registered aggregation weights.
        model: digest of the model that it starts from.
        start: float32 [d], that model's parameters.
        earlier: returns the parameters that the round before started from, float32 [d]; None in
            the first round, or where they cannot be had.
    """

    round: int
    exponent: int
    participants: tuple[str, ...]
    weights: tuple[int, ...]
    model: bytes
    start: Float32
    earlier: Callable[[], Float32 | None]


class Author(Protocol):
    """Makes a site's updates."""

    def update(self, work: Assignment) -> Int16:
        """Return the update to protect and send, int16 [d] in ±32767.

        Asked again about a round it returns the same.

        Raises:
            RunError: there is nothing that could be sent.
        """
        ...


class HonestAuthor:
    """Trains on the site's rows, and carries momentum from round to round if the study says so.

    With ``training.site_momentum`` β a site sends m_t = β m_(t-1) + (1 - β) u_t instead of its
    step u_t, where t counts the rounds that it takes part in (Karimireddy, He and Jaggi,
    "Learning from History for Byzantine Robust Optimization", ICML 2021, algorithm 2). What it
    carries on is in its outbox before it is used, so a retry or a restart carries the same.

    Args:
        member: the site.
        cohort: does its training.
        outbox: keeps what is carried on.
        genesis: of the ledger: under another one nothing is carried on.
    """

    def __init__(self, member: str, cohort: LocalWork, outbox: WriteOnce, genesis: bytes) -> None:
        self.member = member
        self.cohort = cohort
        self._outbox = outbox
        self._prefix = f"{genesis.hex()}/momentum/{cohort.study.study.id}"
        self._latest: tuple[int, Float32] | None = None

    def update(self, work: Assignment) -> Int16:
        """Return the encoded step, or the encoded momentum."""
        local = self.cohort.local_parameters(
            self.member, work.round, work.participants, work.model, work.start
        )
        beta = self.cohort.study.training.site_momentum
        if not beta:
            return encode(local, work.start, work.exponent).values
        step = local.astype(np.float64) - work.start
        before = self._before(work.round)
        carried = (1.0 - beta) * step if before is None else beta * before + (1.0 - beta) * step
        momentum = carried.astype(np.float32)
        encoded = encode_step(momentum.astype(np.float64), work.exponent)
        self._outbox.put(f"{self._prefix}/{work.round}", momentum.astype("<f4").tobytes())
        self._latest = work.round, momentum
        return encoded.values

    def _before(self, number: int) -> NDArray[np.float64] | None:
        """Return the momentum of the last round before one that the site took part in."""
        if self._latest is not None and self._latest[0] == number - 1:
            return self._latest[1].astype(np.float64)
        for earlier in range(number - 1, 0, -1):
            kept = self._outbox.get(f"{self._prefix}/{earlier}")
            if kept is not None:
                return np.frombuffer(kept, "<f4").astype(np.float64)
        return None
