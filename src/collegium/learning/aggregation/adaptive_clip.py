"""A clip that follows the updates: the coordinate in which they tell whether they are within it.

It is the last of a study's vector. What a site tells there is `accounting.adaptive.indicator_at`
with either sign, and noise; the sum moves the clip. The server keeps the round's mean.
"""

from __future__ import annotations

from collections.abc import Iterable

from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import AUXILIARY, TensorSpec

CLIP = TensorSpec(f"{AUXILIARY}clip", (1,))
"""The mean of what the updates told, in the model's units. The last of a study's tensors."""


def followed(tensors: tuple[TensorSpec, ...]) -> int:
    """Return how many coordinates at the end of a study's vector are about the clip."""
    return CLIP.size if tensors and tensors[-1] == CLIP else 0


def within(updates: Iterable[Contribution]) -> int:
    """Return the sum of what updates tell of being within the clip."""
    return sum(int(one.values[-1]) for one in updates)
