"""Long training goes on beside the loop; short training is done at once, with the same result."""

from __future__ import annotations

from threading import Event
from time import sleep
from typing import cast

import numpy as np
import pytest

from collegium.errors import RunError
from collegium.federation.local_trainers import Float32, LocalTrainers
from collegium.node import training
from collegium.node.training import BackgroundTraining, StillTrainingError

START = np.zeros(3, np.float32)


class Slow:
    """A cohort that works until it is told to stop, and notes what it worked at."""

    def __init__(self) -> None:
        self.go = Event()
        self.worked: list[int] = []
        self.at_once = 0

    def kept_before(self, participants: object, number: int) -> dict[str, object]:
        return {}

    def trained(
        self, site: str, number: int, participants: object, model: bytes, start: Float32,
        kept: object,
    ) -> tuple[Float32, ...]:  # fmt: skip
        self.at_once += 1
        assert self.at_once == 1, "one piece of work at a time"
        assert self.go.wait(10)
        self.worked.append(number)
        self.at_once -= 1
        return (start + number,)

    def alone(self, site: str, trial: int = 1) -> Float32:
        raise RunError("run.stuck", "it cannot", "be done", "at all")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr(training, "PATIENCE", 0.02)
    return Slow()


def finish(slow: Slow, beside: BackgroundTraining) -> None:
    slow.go.set()
    while beside.busy:
        sleep(0.001)


def test_what_takes_longer_is_asked_for_again(slow: Slow) -> None:
    beside = BackgroundTraining(cast(LocalTrainers, slow))
    for _ in range(3):
        with pytest.raises(StillTrainingError):
            beside.trained("va", 7, ["va"], b"model", START)
    assert beside.busy
    finish(slow, beside)
    for _ in range(2):
        found = beside.trained("va", 7, ["va"], b"model", START)
        assert found[0].tolist() == [7, 7, 7]
    assert slow.worked == [7], "and done once"


def test_another_question_waits_for_the_work_before_it(slow: Slow) -> None:
    beside = BackgroundTraining(cast(LocalTrainers, slow))
    for number in (1, 2):
        with pytest.raises(StillTrainingError):
            beside.trained("va", number, ["va"], b"model", START)
    finish(slow, beside)
    assert beside.trained("va", 2, ["va"], b"model", START)[0].tolist() == [2, 2, 2]
    assert slow.worked == [1, 2]


def test_what_work_raises_is_raised_to_whoever_asks(slow: Slow) -> None:
    beside = BackgroundTraining(cast(LocalTrainers, slow))
    for _ in range(2):
        with pytest.raises(RunError, match="it cannot"):
            beside.alone("va")
