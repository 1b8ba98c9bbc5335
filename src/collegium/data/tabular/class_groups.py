"""Values of a target that a study takes together, as it takes degrees 1 to 4 of a disease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collegium.data.tabular.columns import Column, as_words, canonical_word
from collegium.errors import DataError


def with_groups(column: Column, groups: Mapping[str, Sequence[str]]) -> Column:
    """Return a column of classes in which the values of a group have the group's name.

    Args:
        column: a target, or of survival what ended the time.
        groups: by name, the values that are taken together; others stay as they are.
    """
    name_of = {canonical_word(one): name for name, values in groups.items() for one in values}
    codes, words = as_words(column)
    named = [name_of.get(canonical_word(word), word) for word in words]
    again = list(dict.fromkeys(named))
    at = {word: number for number, word in enumerate(again)}
    table = np.array([*(at[word] for word in named), -1], np.int64)
    return Column(column.name, column.unit, "categorical", None, table[codes], tuple(again))


def about_groups(column: Column, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return which values of groups no row of a whole table has.

    Raises:
        DataError: ``data.classes``, no value of a group occurs.
    """
    words = sorted({canonical_word(word) for word in as_words(column)[1]})
    unknown = []
    for name, values in groups.items():
        gone = [one for one in values if canonical_word(one) not in words]
        if len(gone) == len(values):
            found = f"{', '.join(words[:20])}{' and more' if len(words) > 20 else ''}"
            raise DataError(
                "data.classes", f"no row has a value of the group {name!r} of data.source.groups",
                f"{column.name!r} is never {' or '.join(map(repr, gone[:5]))}; found: {found}",
                "write the group's values as the table has them",
            )  # fmt: skip
        unknown += gone
    named = ", ".join(map(repr, unknown[:10]))
    return [f"data.source.groups names values of {column.name!r} that no row has: {named}"] * bool(
        unknown
    )
