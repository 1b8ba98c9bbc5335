"""The seam of trainers: local work of many sites in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.learning.models import ModelSpec
from collegium.study.document import Training


@dataclass(frozen=True, slots=True, eq=False)
class TrainingJob:
    """One site's local work in one round.

    Attributes:
        site: the site's name; with the study's seed and the round it decides the order of rows.
        x: float32 [n, inputs].
        y: [n], integers for classes (0 or 1 in a binary model), float32 for a regression.
        start: float32 [d], where training begins.
        round: number of the round.
        anchor: float32 [d], what a proximal term draws to; `start` if None.
        correction: float32 [d], added to every gradient, if not None.
    """

    site: str
    x: NDArray[np.float32]
    y: NDArray[np.int64] | NDArray[np.float32]
    start: NDArray[np.float32]
    round: int
    anchor: NDArray[np.float32] | None = None
    correction: NDArray[np.float32] | None = None


class Trainer(Protocol):
    """Trains sites; on one machine a site's result does not depend on who is trained beside it."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``dense@1``."""
        ...

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> NDArray[np.float32]:
        """Return each job's parameters after local training, float32 [len(jobs), d].

        Divergence is not an error here: encoding refuses what is not finite.
        """
        ...
