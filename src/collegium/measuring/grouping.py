"""Quality on each subgroup that a study names, over the test rows of all sites.

The groups of one feature share out all rows. What is told of all rows and of every group but one
therefore tells of that one too: where a group is too small, the smallest of the others is withheld
beside it, until what is withheld is large enough together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.preparation import Prepared
from collegium.data.subgroups import Subgroup as Group
from collegium.data.subgroups import subgroups
from collegium.data.table import CLASSIFYING, SiteRows, Task, take
from collegium.learning.evaluation.statement import SMALLEST_COUNT
from collegium.measuring.quality import Scores, quality_of
from collegium.report.measurements import Subgroup


def quality_by_subgroup(prepared: Prepared, scores: Scores | None) -> tuple[Subgroup, ...]:
    """Return the study's model on each subgroup; nothing but rows of one that is withheld."""
    asked = prepared.study.evaluation.subgroups
    if not asked or scores is None:
        return ()
    return tuple(
        found
        for one in asked
        for found in _of_feature(prepared, scores, subgroups(prepared.dataset.schema, [one]))
    )


def _of_feature(prepared: Prepared, scores: Scores, groups: Sequence[Group]) -> Iterable[Subgroup]:
    masks = [{name: one.of(rows.x) for name, rows in prepared.test.items()} for one in groups]
    parts = [_inside(prepared, mask) for mask in masks]
    hidden = withheld(prepared.dataset.schema.task, [_answers(part) for part in parts])
    for number, (group, mask, part) in enumerate(zip(groups, masks, parts, strict=True)):
        picked = {name: scores[name][mask[name]] for name in part}
        told = None if number in hidden else quality_of(prepared, part, picked)
        yield Subgroup(
            group.title, group.feature, sum(len(one.y) for one in part.values()),
            {} if told is None else told.overall,
            {} if told is None else told.overall_intervals,
        )  # fmt: skip


def _inside(prepared: Prepared, mask: dict[str, NDArray[np.bool_]]) -> dict[str, SiteRows]:
    return {
        name: take(rows, mask[name]) for name, rows in prepared.test.items() if mask[name].any()
    }


def _answers(part: dict[str, SiteRows]) -> NDArray[Any]:
    return np.concatenate([rows.y for rows in part.values()]) if part else np.empty(0)


def withheld(task: Task, answers: Sequence[NDArray[Any]]) -> set[int]:
    """Return which groups of one feature nothing is told of, by their places.

    Args:
        task: what the rows answer.
        answers: the true values of each group's rows; the groups share out all rows.
    """
    hidden = {place for place, one in enumerate(answers) if _too_few(task, one)}
    told = sorted(set(range(len(answers))) - hidden, key=lambda place: len(answers[place]))
    for place in told:
        beside = [answers[number] for number in hidden if len(answers[number])]
        if not beside or not _too_few(task, np.concatenate(beside)):
            break
        hidden.add(place)
    return hidden


def _too_few(task: Task, answers: NDArray[Any]) -> bool:
    if len(answers) < 2 * SMALLEST_COUNT:
        return True
    if task == "survival":
        events = int(answers[:, 1].sum())
        return min(events, len(answers) - events) < SMALLEST_COUNT
    _, sizes = np.unique(answers, return_counts=True)
    return task in CLASSIFYING and (len(sizes) < 2 or int(sizes.min()) < SMALLEST_COUNT)
