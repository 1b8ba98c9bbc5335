"""What a study registers about its validators' scores: integers in units of 2^-20."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

UNIT = 1 << 20
"""A score of 1, and a reputation of 1."""

LARGEST_SCORE = 1 << 40
"""The magnitude beyond which a score is no worse, and no better."""


class ScoreTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scores as registered; docs/spec/18-scores.md.

    Attributes:
        by: by how much an update lowers a validator's "loss", or its "direction" beside one that
            the validator made itself.
        demote: the reputation below which a site is demoted; 0: nobody is.
        demotion: what a demoted site loses: half of its "weight", or that its own scores count
            ("scoring"). Nothing takes more: no statistics exclude a member.
        threshold: a score of at least that much speaks for a site, one below it against it.
    """

    by: Literal["direction", "loss"]
    demote: Annotated[int, msgspec.Meta(ge=0, le=UNIT // 2)]
    demotion: Literal["scoring", "weight"]
    threshold: Annotated[int, msgspec.Meta(ge=-LARGEST_SCORE, le=LARGEST_SCORE)]
