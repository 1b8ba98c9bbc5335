"""A round of a small federation as attackers see it, without a ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.federation.local_updates import Assignment
from collegium.learning.aggregation.composition import rule_called
from collegium.plugins import find
from collegium.threats.adversary_view import AdversaryView, Defence
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import Knowledge

EVERYTHING: tuple[Knowledge, ...] = ("own", "published", "others", "rule", "honest", "guessed")
SIZE = 14


def poisoning(name: str) -> Poisoning:
    """A built-in attack with updates."""
    found = find("attacks", name)
    assert isinstance(found, Poisoning)
    return found


def updates(count: int, seed: int, spread: float = 300.0) -> NDArray[np.int16]:
    """Honest updates around a common step, int16 [count, d]."""
    random = np.random.default_rng(seed)
    common = random.normal(0, 500, SIZE)
    return np.rint(common + random.normal(0, spread, (count, SIZE))).astype(np.int16)


def observation(
    rule: str = "nnm+trimmed_mean",
    *,
    count: int = 10,
    attackers: int = 2,
    tolerate: int = 2,
    seed: int = 1,
    scale: float = 0.0,
    knowledge: Sequence[Knowledge] = EVERYTHING,
    earlier: NDArray[np.float32] | None = None,
    revealed: Mapping[str, NDArray[np.int16]] | None = None,
    number: int = 3,
) -> AdversaryView:
    """A round whose last participants attack."""
    values = updates(count, seed)
    names = tuple(f"site-{index}" for index in range(count))
    by_name = dict(zip(names, values, strict=True))
    start = np.zeros(SIZE, np.float32)
    work = Assignment(
        number, 12, names, tuple(range(1, count + 1)), b"model", start, count, lambda: earlier,
        lambda: revealed or {},
    )  # fmt: skip
    return AdversaryView(
        work, names[count - attackers :], by_name.__getitem__, by_name.__getitem__,
        Defence(rule_called(rule), tolerate), seed, scale, tuple(knowledge),
    )  # fmt: skip
