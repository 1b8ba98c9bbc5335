"""Quality on each subgroup that a study names, over the test rows of all sites.

The groups of one request share out all rows, so they are told together or not at all. Requests of
one feature cut the rows into finer parts than each by itself: `age>=60` and `age>=61` tell of those
who are sixty. One that would cut off a part that is too small is withheld, and so is one of whose
groups one lies within a group that is told, but for a few rows. What can be added and subtracted
is then made of parts that are large enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.subgroups import Subgroup as Group
from collegium.data.subgroups import subgroups, usual_subgroups
from collegium.data.table import CLASSIFYING, Task, take
from collegium.learning.evaluation.statement import SMALLEST_COUNT
from collegium.measuring.quality import Scores, quality_of
from collegium.report.measurements import Subgroup

Mask = NDArray[np.bool_]


def quality_by_subgroup(prepared: Prepared, scores: Scores | None) -> tuple[Subgroup, ...]:
    """Return the study's model on each subgroup; nothing of one that is withheld.

    Where the study asks for none, they are the usual ones, without those that are withheld.
    """
    schema, agreement = prepared.dataset.schema, prepared.parts.agreement
    asked = prepared.study.evaluation.subgroups
    usual = asked is None
    if asked is None:
        asked = usual_subgroups(schema, agreement)
    if not asked or scores is None:
        return ()
    rows = list(prepared.test.values())
    x, y = np.concatenate([one.x for one in rows]), np.concatenate([one.y for one in rows])
    requests = [
        [group for group in subgroups(schema, [one], agreement) if group.of(x).any()]
        for one in asked
    ]
    masks = [[group.of(x) for group in groups] for groups in requests]
    told = told_requests(schema.task, y, [one[0].feature for one in requests], masks)
    return tuple(
        _quality(prepared, scores, group, told=number in told)
        for number, groups in enumerate(requests)
        for group in groups
        if number in told or not usual
    )


def _quality(prepared: Prepared, scores: Scores, group: Group, *, told: bool) -> Subgroup:
    masks = {name: group.of(rows.x) for name, rows in prepared.test.items()}
    part = {name: take(prepared.test[name], mask) for name, mask in masks.items() if mask.any()}
    if not told or not part:
        return Subgroup(group.title, group.feature, 0 if told else None, {}, {})
    found = quality_of(prepared, part, {name: scores[name][masks[name]] for name in part})
    rows = sum(len(one.y) for one in part.values())
    figures = ({}, {}) if found is None else (found.overall, found.overall_intervals)
    return Subgroup(group.title, group.feature, rows, *figures)


def told_requests(
    task: Task, answers: NDArray[Any], features: Sequence[str], requests: Sequence[Sequence[Mask]]
) -> list[int]:
    """Return which requests are told, by their places; an earlier one goes before a later one.

    Args:
        task: what the rows answer.
        answers: [rows, ...], the true values.
        features: of each request.
        requests: of each, which rows are in its groups, which share out all of them.
    """
    told: list[int] = []
    for number, groups in enumerate(requests):
        alike = [requests[one] for one in told if features[one] == features[number]]
        left = [
            rest
            for place in told
            for one, other in ((groups, requests[place]), (requests[place], groups))
            for rest in _left_over(one, other)
        ]
        if not any(_too_few(task, answers[one]) for one in (*_parts([*alike, groups]), *left)):
            told.append(number)
    return told


def _parts(requests: Sequence[Sequence[Mask]]) -> list[Mask]:
    """Return into what several requests cut the rows together."""
    labels = np.stack([np.argmax(groups, axis=0) for groups in requests], axis=1)
    part = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    return [part == number for number in range(part.max(initial=-1) + 1)]


def _left_over(groups: Sequence[Mask], others: Sequence[Mask]) -> Iterator[Mask]:
    """Yield of each group what is left of it without the other groups that lie within it."""
    for one in groups:
        within = [other for other in others if other.any() and not (other & ~one).any()]
        rest = one & ~np.logical_or.reduce(within) if within else one[:0]
        if rest.any():
            yield rest


def _too_few(task: Task, answers: NDArray[Any]) -> bool:
    if len(answers) < 2 * SMALLEST_COUNT:
        return True
    if task == "survival":
        events = int(answers[:, 1].sum())
        return min(events, len(answers) - events) < SMALLEST_COUNT
    _, sizes = np.unique(answers, return_counts=True)
    return task in CLASSIFYING and (len(sizes) < 2 or int(sizes.min()) < SMALLEST_COUNT)
