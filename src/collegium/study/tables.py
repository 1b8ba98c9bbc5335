"""A study of a table: what its target is, and whether what it says of columns can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

from collegium.study.columns import check_columns, check_described, check_has_table
from collegium.study.document import Study, TableSource, Task
from collegium.study.notice import Notice
from collegium.study.refusal import DocumentPath, contradiction, nearest, shown
from collegium.study.simulated import SIMULATED
from collegium.study.splitting import way_of_split

CLASSES: Mapping[Task, tuple[int, int]] = {
    "binary": (2, 2), "multiclass": (3, 1000), "ordinal": (3, 1000), "survival": (2, 2),
}  # fmt: skip
"""Fewest and most classes of a target (of survival: of what ended the time), by task."""

SAFE = 10
"""Persons of a site behind a sum: the usual least."""

TASKS: Mapping[str, tuple[Task, ...]] = {
    "logistic": ("binary",), "multinomial": ("multiclass", "binary", "ordinal"),
    "ordinal": ("ordinal",), "linear": ("regression",), "poisson": ("count",), "cox": ("survival",),
}  # fmt: skip
"""What architectures can do that cannot do everything; first what they do unless told."""


def task_of(study: Study) -> Task:
    """Return what kind of target a study of a table has: as it says, or as its model can only do.

    Raises:
        Refusal: ``study.combination``, the model could do either, or not what is said.
    """
    source, architecture = study.data.source, study.model.architecture
    asked = source.task if isinstance(source, TableSource) else None
    path = ("data", "source", "task")
    possible = TASKS.get(architecture, get_args(Task))
    if asked is not None and asked not in possible:
        raise contradiction(
            path,
            f"a {architecture} model cannot do {shown(asked)}", f"it does {' or '.join(possible)}",
            nearest(asked, possible),
        )  # fmt: skip
    if asked is None and architecture not in TASKS:
        raise contradiction(
            path, f"a table for an {architecture} needs data.source.task",
            "the model could do more than one", f"add task = {' or '.join(map(repr, possible))}",
        )  # fmt: skip
    found: Task = asked or possible[0]
    return found


def smallest_of(study: Study) -> int:
    """Return K: how many persons of a site stand behind everything that it says of its table."""
    source = study.data.source
    return source.smallest if isinstance(source, TableSource) else SAFE


def most_categories_of(study: Study) -> int | None:
    """Return how many categories a site tells of a column; None where one of many is left out."""
    source = study.data.source
    return source.most_categories if isinstance(source, TableSource) else None


def compares_persons(study: Study) -> bool:
    """Return whether one process holds all sites' rows of a table that tells persons apart."""
    return _tells_persons(study) and study.consensus.engine in SIMULATED


def _tells_persons(study: Study) -> bool:
    source = study.data.source
    told = isinstance(source, TableSource) and source.person is not None
    return told and way_of_split(study) in (None, "person", "latest")


def about_tables(study: Study) -> tuple[Notice, ...]:
    """Return what the preparation costs, what nobody can know, and whether sums are of few."""
    notices: list[Notice] = []
    if _tells_persons(study) and not compares_persons(study):
        notices.append(Notice("note", "study.uncompared-persons"))
    if study.data.columns is not None:
        if study.privacy.differential_privacy is not None:
            notices.append(Notice("note", "privacy.described-columns"))
    elif smallest_of(study) < SAFE:
        told = {"smallest": smallest_of(study), "safe": SAFE}
        notices.append(Notice("warning", "study.small-sums", told))
    return tuple(notices)


def check_table(study: Study) -> None:
    """Refuse a table's columns that contradict each other, and a task that its model cannot do.

    Raises:
        Refusal: ``study.combination``.
    """
    source = study.data.source
    check_has_table(study)
    if isinstance(source, str):
        return
    place: DocumentPath = ("data", "source")
    task = task_of(study)
    roles = {
        "target": source.target, "event": source.event, "exposure": source.exposure,
        "site": source.site, "person": source.person, "time": source.time,
    }  # fmt: skip
    named = {role: name for role, name in roles.items() if name is not None}
    for role, name in named.items():
        others = [other for other, same in named.items() if same == name and other != role]
        if others:
            raise contradiction(
                (*place, role), f"{shown(name)} is {role} and {others[0]}",
                "a column has one meaning", "name another column for one of them",
            )  # fmt: skip
        for key in ("drop", *(("categorical", "numeric") if role != "target" else ())):
            if name in getattr(source, key):
                raise contradiction(
                    (*place, key), f"{shown(name)} is the {role} and stands in {key}",
                    "it cannot be both", f"take it out of {key}",
                )  # fmt: skip
    for key in ("drop", "categorical", "numeric", "missing", "classes"):
        values = getattr(source, key) or ()
        if len(set(values)) < len(values):
            raise contradiction(
                (*place, key), f"data.source.{key} names one twice", "once is enough",
                "remove the repetition",
            )  # fmt: skip
    both = [name for name in source.categorical if name in source.numeric]
    if both:
        raise contradiction(
            (*place, "numeric"), f"{shown(both[0])} is to be read as numbers and as categories",
            "a column is one of them", "take it out of one list",
        )  # fmt: skip
    fewest, most = CLASSES.get(task, (0, 0))
    if source.classes and not fewest <= len(source.classes) <= most:
        raise contradiction(
            (*place, "classes"), f"a {task} target cannot have {len(source.classes)} classes",
            "binary and survival have two, multiclass and ordinal three or more, others none",
            "name as many classes as the task has, or leave them out",
        )  # fmt: skip
    _check_groups(source, task)
    if (source.event is not None) != (task == "survival"):
        raise contradiction(
            (*place, "event"),
            "survival needs the column of events" if task == "survival" else
            f"a {task} target has no column of events",
            "survival is the time in target and what ended it; other targets are one column",
            'add event = "…"' if task == "survival" else "remove event",
        )  # fmt: skip
    if source.exposure is not None and task != "count":
        raise contradiction(
            (*place, "exposure"), f"a {task} target has no exposure",
            "only counts are counted over something", "remove exposure, or choose task = 'count'",
        )  # fmt: skip
    check_columns(study)
    check_described(study, source, task)
    if (study.data.split.by == "time") != (source.time is not None):
        raise contradiction(
            (*place, "time") if source.time is not None else ("data", "split", "by"),
            "a table is cut by time, and no column tells it" if source.time is None else
            "a column of time is named, and the table is not cut by time",
            "the latest rows by data.source.time are tested on where split.by is 'time'",
            'add time = "…" to data.source' if source.time is None else
            'set data.split.by = "time", or remove time',
        )  # fmt: skip


def _check_groups(source: TableSource, task: Task) -> None:
    """Refuse groups of a target that has no classes, and values whose class is not one."""
    here, groups = ("data", "source", "groups"), source.groups
    if groups is None:
        return
    if task not in CLASSES:
        raise contradiction(
            here, f"a {task} target has no classes to group", "it is a number",
            "remove groups, or choose a model of classes such as 'logistic'",
        )  # fmt: skip
    if not groups or not all(name.strip() and values for name, values in groups.items()):
        raise contradiction(
            here, "data.source.groups has a group without a name or without values",
            "a group is a class's name and the values that count as it",
            'write groups = { ill = ["1", "2"] }, or remove it',
        )  # fmt: skip
    every = Counter(one for values in groups.values() for one in values)
    twice = [one for one, times in every.items() if times > 1]
    inside = [name for name, values in groups.items() if name in every and name not in values]
    if twice or inside:
        raise contradiction(
            here, f"{shown((twice or inside)[0])} is in more than one group, or named twice",
            "a value counts as one class", "let each value stand in one group",
        )  # fmt: skip
    gone = [one for one in source.classes if one in every and one not in groups]
    if gone:
        raise contradiction(
            ("data", "source", "classes"), f"the class {shown(gone[0])} is part of a group",
            "its rows count as the group's", "name the group in data.source.classes instead",
        )  # fmt: skip
