"""Which statistics of a study are known of all sites together alone, as it is registered."""

from __future__ import annotations

import msgspec

from collegium.mechanisms.sums.terms import (
    MECHANISM,
    TABLE,
    EvaluationLayout,
    SumTerms,
    TableLayout,
)
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.graph_size import MOST_SHARES, graph_size, least_threshold
from collegium.study.terms import FEWEST_HIDDEN, agrees_by_statistics, expected_faults


def counted(facts: Facts) -> EvaluationLayout | None:
    """Return what is counted of test rows: as the data tell, or else as it is registered."""
    if facts.registered is not None:
        known = _registered(facts)
        return None if known is None else known.evaluation or None
    return "binary@2" if facts.counted == "binary@2" else None


def _registered(facts: Facts) -> SumTerms | None:
    known = getattr(facts.registered, MECHANISM.field, None)
    return known if isinstance(known, SumTerms) else None


def sum_terms(
    study: Study, sites: int, evaluation: EvaluationLayout | None, statistics: TableLayout = TABLE
) -> SumTerms | None:
    """Return which statistics are known of all sites together alone, and how they are hidden.

    Args:
        study: the document.
        sites: how many there are; all of them take part.
        evaluation: what they count of their test rows, which follows from what the data mean.
        statistics: how they count their tables, if the study is of such.
    """
    secure = study.privacy.secure_aggregation
    table = agrees_by_statistics(study)
    if secure is None or study.privacy.differential_privacy is not None:
        return None
    if evaluation is None and not table:
        return None
    if sites <= MOST_SHARES:
        least, degree = least_threshold(secure.trust, sites), None
    else:
        found = graph_size(expected_faults(secure, sites), secure.trust)
        least, degree = found.threshold, found.degree
    return SumTerms(
        degree=degree or msgspec.UNSET, evaluation=evaluation or msgspec.UNSET,
        statistics=statistics if table else msgspec.UNSET,
        threshold=max(least, min(FEWEST_HIDDEN, sites)),
    )  # fmt: skip


def sums_tables(study: Study) -> bool:
    """Return whether the sums with which sites agree on their tables are masked."""
    found = sum_terms(study, FEWEST_HIDDEN, None)
    return found is not None and found.statistics is not msgspec.UNSET


def _uses(study: Study, facts: Facts) -> bool:
    return sum_terms(study, FEWEST_HIDDEN, counted(facts)) is not None


def _terms(study: Study, sites: int, facts: Facts) -> SumTerms | None:
    known = _registered(facts)
    counting = TABLE if known is None else known.statistics or TABLE
    return sum_terms(study, sites, counted(facts), counting)


DESIGN = Design(_uses, _terms)
