"""Sums of statistics are rounds of their own: their numbers, and the terms that hold in them.

docs/spec page 19, docs/decisions/0090. A site's vector in such a round holds counts in the place of
an update, everything else about secure sums is as it is in training.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from collegium.ledger.contract.ring import ring_of
from collegium.ledger.contract.tables import StudyRecord
from collegium.study.sum_terms import SumTerms

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


def step_of(number: int) -> int | None:
    """Return the step of set-up whose statistics a round sums; None of another round."""
    return number - SET_UP if number > SET_UP else None


def moment_of(number: int) -> tuple[int, int]:
    """Return what puts rounds into the order in which they are: set-up, training, test rows."""
    if step_of(number) is not None:
        return 0, number
    return (2 if is_sum(number) else 1), number


def ring_in(number: int, weights: Iterable[int]) -> Literal[32, 64]:
    """Return the ring of a round; counts always have the wide one."""
    return 64 if is_sum(number) else ring_of(weights)


def evaluates_by_sum(record: StudyRecord) -> bool:
    """Return whether sites count their test rows for a sum."""
    return isinstance(record.sums, SumTerms) and record.sums.evaluation is not msgspec.UNSET


def sums_steps(record: StudyRecord) -> bool:
    """Return whether sites count their tables for sums, after the first step of set-up."""
    return isinstance(record.sums, SumTerms) and record.sums.statistics is not msgspec.UNSET


def terms_in(record: StudyRecord, number: int) -> StudyRecord:
    """Return a registration as it holds in a round: in a sum, masks over everybody, and no more."""
    if not is_sum(number) or not isinstance(record.sums, SumTerms):
        return record
    nothing = msgspec.UNSET
    graph = isinstance(record.sums.degree, int)
    return msgspec.structs.replace(
        record, degree=record.sums.degree, design="secagg_plus@1" if graph else "secagg@1",
        fewest_groups=nothing, groups=nothing, keep=nothing, patience=nothing, privacy=nothing,
        scores=nothing, selection=nothing, sum_check=nothing, threshold=record.sums.threshold,
        trials=nothing, weights="equal",
    )  # fmt: skip
