"""What a rule is given besides updates, where validators have scored them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class CombinedScores:
    """What validators' scores of n updates, in their order, come to.

    Attributes:
        values: signed, in units of 2^-20: the median over validators.
        norm: the median length of the validators' own updates, in units of 2^-e; None where they
            made none.
        reputations: of the updates' sites, in units of 2^-20, as the round opened.
    """

    values: tuple[int, ...]
    norm: int | None
    reputations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """Combined scores, and what a study says of their use.

    Attributes:
        values: as in `CombinedScores`; so are `norm` and `reputations`.
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


def scores_of(study: Study, exponent: int, combined: CombinedScores | None) -> Scores | None:
    """Return what a study's rule is given of combined scores; None where there are none."""
    asked = study.aggregation.scores
    if asked is None or combined is None:
        return None
    return Scores(
        combined.values, combined.norm, combined.reputations, Fraction(repr(asked.penalty)),
        round(asked.threshold * (1 << 20)), exponent,
    )  # fmt: skip
