"""Rounds of training, and rounds in which something else is summed: numbers and order."""

from __future__ import annotations

MOST_ROUNDS = 10_000_000
"""Rounds of training that a study can have; sums have the numbers after them."""

EVALUATION = MOST_ROUNDS + 1
"""The number of the sum over what sites count of their test rows."""

SET_UP = MOST_ROUNDS + 10
"""The number of the sum in a step of set-up is this plus the step."""


def is_sum(number: int) -> bool:
    """Return whether a round's number is that of a sum of statistics."""
    return number > MOST_ROUNDS


def called(number: int) -> str:
    """Return what a round is called: by its number, or by what is summed."""
    if (step := step_of(number)) is not None:
        return f"the sum in step {step} of set-up"
    return "the sum over test rows" if is_sum(number) else f"round {number}"


def series_of(number: int) -> str:
    """Return what is done in a round: ``training``, or which statistics are summed."""
    if not is_sum(number):
        return "training"
    return "evaluation" if step_of(number) is None else "statistics"


def step_of(number: int) -> int | None:
    """Return the step of set-up whose statistics a round sums; None of another round."""
    return number - SET_UP if number > SET_UP else None


def moment_of(number: int) -> tuple[int, int]:
    """Return what puts rounds into the order in which they are: set-up, training, test rows."""
    if step_of(number) is not None:
        return 0, number
    return (2 if is_sum(number) else 1), number
