"""A rule may be anybody's code: what fails in it is told, and what it gives is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from collegium.errors import PluginError
from collegium.learning.aggregation.next_model import next_model
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Contribution, Updates
from collegium.learning.blobs import ModelState, TensorSpec
from collegium.learning.server import AVERAGE, initial_state
from collegium.study.document import Server


@dataclass(frozen=True, slots=True)
class Odd:
    """A rule that returns whatever it is told to."""

    give: Callable[[Updates], Any]
    name: str = "odd@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None: ...

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        found: Aggregate = self.give(updates)
        return found


def stepped(give: Callable[[Updates], Any]) -> ModelState:
    server = Server()
    start = initial_state((TensorSpec("w", (2,)),), np.zeros(2, np.float32), AVERAGE, server)
    update = Contribution(bytes(32), np.array([1, 2], np.int16))
    return next_model(start, [update], (1,), ("a",), 0, Odd(give), 0, AVERAGE, server)


def test_a_sound_rule_steps_the_model() -> None:
    model = stepped(lambda updates: Aggregate(updates.values.sum(axis=0, dtype=np.int64), 1))
    assert model.parameters.tolist() == [1, 2]


@pytest.mark.parametrize(
    "give",
    [
        lambda updates: 1 // 0,
        lambda updates: None,
        lambda updates: Aggregate(updates.values.mean(axis=0), 1),
        lambda updates: Aggregate(np.zeros(3, np.int64), 1),
        lambda updates: Aggregate(np.zeros(2, np.int64), 0),
        lambda updates: Aggregate(np.zeros(2, np.int64), 1.0),  # type: ignore[arg-type]
    ],
)
def test_a_faulty_rule_is_named(give: Callable[[Updates], Any]) -> None:
    with pytest.raises(PluginError, match=r"odd@1.*\[plugin\.failed\]"):
        stepped(give)
