"""What ends a study's training and chooses its model, as it is registered."""

from __future__ import annotations

import msgspec

from collegium.mechanisms.search.terms import SearchTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.searching import held_out, trials_of


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether losses on rows held out decide anything."""
    return held_out(study) is not None


def _terms(study: Study, sites: int, facts: Facts) -> SearchTerms:
    """Return patience and trials."""
    stopping = study.training.early_stopping
    return SearchTerms(
        patience=msgspec.UNSET if stopping is None else stopping.patience, selection="best",
        trials=msgspec.UNSET if study.search is None else trials_of(study),
    )  # fmt: skip


DESIGN = Design(_uses, _terms)
