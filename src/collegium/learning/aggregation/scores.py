"""What a rule is given besides updates, where validators have scored them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class Scores:
    """Combined scores of n updates, in their order, and what a study says of their use.

    Attributes:
        values: signed, in units of 2^-20: the median over validators.
        norm: the median length of the validators' own updates, in units of 2^-e; None where they
            made none.
        reputations: of the updates' sites, in units of 2^-20, as the round opened.
        penalty: Zeno's rho, per squared length in units of the model.
        threshold: in units of 2^-20.
        exponent: e of the round's encoding.
    """

    values: tuple[int, ...]
    norm: int | None
    reputations: tuple[int, ...]
    penalty: Fraction
    threshold: int
    exponent: int


def scores_of(
    study: Study, exponent: int, values: Sequence[int], norm: int | None,
    reputations: Sequence[int],
) -> Scores | None:  # fmt: skip
    """Return what a study's rule is given of combined scores; None where it asks for none."""
    asked = study.aggregation.scores
    if asked is None:
        return None
    return Scores(
        tuple(values), norm, tuple(reputations), Fraction(repr(asked.penalty)),
        round(asked.threshold * (1 << 20)), exponent,
    )  # fmt: skip
