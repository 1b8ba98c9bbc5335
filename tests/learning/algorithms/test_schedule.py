"""The learning rate of each round."""

from __future__ import annotations

import pytest

from collegium.learning.algorithms.schedule import rate_at, training_at
from collegium.study.training import Schedule, Training


def rates(schedule: Schedule | None, rounds: int = 6) -> list[float]:
    training = Training(rounds=rounds, learning_rate=0.8, schedule=schedule)
    return [rate_at(training, number) for number in range(1, rounds + 1)]


def test_without_a_schedule_it_stays() -> None:
    assert rates(None) == [0.8] * 6


def test_steps_multiply_after_every_so_many_rounds() -> None:
    found = rates(Schedule(kind="step", factor=0.5, every=2))
    assert found == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_a_cosine_falls_to_its_factor_in_the_last_round() -> None:
    found = rates(Schedule(kind="cosine", factor=0.25), rounds=5)
    assert found == pytest.approx([0.8, 0.8 * (0.25 + 0.75 * 0.8535533905932737), 0.5,
                                   0.8 * (0.25 + 0.75 * 0.14644660940672627), 0.2])  # fmt: skip


def test_a_warm_up_rises_in_equal_steps_before_it() -> None:
    found = rates(Schedule(kind="step", factor=0.5, warmup=3))
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.4, 0.2])


def test_what_comes_after_the_last_round_is_like_it() -> None:
    training = Training(rounds=4, learning_rate=0.8, schedule=Schedule(kind="cosine"))
    assert training_at(training, 9).learning_rate == pytest.approx(0.08)
    assert training_at(training, 1) == training
