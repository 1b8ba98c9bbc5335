"""The seam of mechanisms in assembling a study: whether its rule and its rows fit what they ask.

A mechanism's file `fitting` names its `FITTING`. All of them are asked about every study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from collegium.data.table import SiteRows
from collegium.learning.aggregation.rule import Rule
from collegium.plugins import aspects
from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a mechanism asks of a study's parts; what does not fit is refused by a `Refusal`.

    Attributes:
        rule: asks whether the rule can work with it; returns how many vectors the rule is given, at
            least and at most, where these are no single updates.
        rows: asks whether the sites have enough training rows, given who validates.
    """

    rule: Callable[[Rule, Study], tuple[int, int] | None] | None = None
    rows: Callable[[Study, Mapping[str, SiteRows], Sequence[str]], None] | None = None


@cache
def every_fitting() -> tuple[Fitting, ...]:
    """Return what the mechanisms of this installation ask, in order of their names."""
    return tuple(one.FITTING for one in aspects("fitting").values())
