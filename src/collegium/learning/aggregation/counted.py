"""Coordinates in which sites count: whole numbers of an encoding's units, told exactly."""

from __future__ import annotations

from collegium.learning.aggregation.stopping import VALIDATION
from collegium.learning.blobs import AUXILIARY, TensorSpec

STEPS = TensorSpec(f"{AUXILIARY}steps", (2,))
"""FedNova's count of local steps and what makes one, which stay zero in the model."""


def counted(tensors: tuple[TensorSpec, ...]) -> int:
    """Return how many coordinates at the end of a study's vector are whole numbers of units."""
    return sum(one.size for one in tensors if one in (STEPS, VALIDATION))
