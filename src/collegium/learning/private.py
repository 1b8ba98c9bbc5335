"""The seam of differentially private training: DP-SGD at the site, in one call for many sites.

M. Abadi, A. Chu, I. Goodfellow, H. B. McMahan, I. Mironov, K. Talwar and L. Zhang, "Deep Learning
with Differential Privacy", CCS 2016, algorithm 1, with Poisson samples and adjacency by adding or
removing one unit: all rows of a patient, or one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import PrivacyTerms
from collegium.learning.models import Loss, ModelSpec
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training

SEPARABLE: frozenset[Loss] = frozenset({"logistic", "multinomial", "squared", "poisson", "ordinal"})
"""Losses that are sums over rows, and so over units. In the partial likelihood of a survival model
every row's part depends on who else is at risk."""


@dataclass(frozen=True, slots=True)
class NoiseTerms:
    """How every step of every site is protected; the same for all sites, whatever their rows.

    Attributes:
        clip: C, the most that a unit adds to a step's sum, in the Euclidean norm.
        noise_multiplier: z; the noise on the sum has standard deviation z C.
        sampling_rate: q, a unit's chance to be in a step's sample.
        steps: of a round.
    """

    clip: float
    noise_multiplier: float
    sampling_rate: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class PrivateJob:
    """One site's local work in one round, its units, and what makes its randomness secret.

    Attributes:
        job: rows and starting point.
        units: int64 [n], the unit that each row belongs to.
        size: how many units the site says it has; a step's sum is divided by q times that. It is
            public, so that dividing by it tells nothing.
        seed: 32 bytes for this site, study, round and model, which nobody else knows.
    """

    job: TrainingJob
    units: NDArray[np.int64]
    size: int
    seed: bytes


@runtime_checkable
class PrivateTrainer(Protocol):
    """A trainer that can also train with differential privacy."""

    def train_privately(
        self,
        jobs: Sequence[PrivateJob],
        spec: ModelSpec,
        training: Training,
        noising: NoiseTerms,
    ) -> NDArray[np.float32]:
        """Return each job's parameters after a round of DP-SGD, float32 [len(jobs), d].

        A unit's gradient is the mean over its rows, clipped as a whole. What is returned has
        differential privacy as it is: nothing else about a job may leave the site.
        """
        ...


def noise_terms_of(terms: PrivacyTerms, clip: float) -> NoiseTerms:
    """Return how steps are protected by what a study registered."""
    return NoiseTerms(clip, terms.noise / MICRO, terms.sampling / NANO, terms.steps)
