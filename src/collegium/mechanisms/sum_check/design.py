"""Whether a study's sums are checked against commitments, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.study.compression import require_whole
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.secagg_checks import PLACE


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether they are."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.sum_check is not None


def _terms(study: Study, sites: int, facts: Facts) -> SumCheckTerms:
    """Return with which commitments."""
    return SumCheckTerms(by="pedersen")


def _check(study: Study) -> None:
    if _uses(study, Facts()):
        require_whole(
            study, (*PLACE, "sum_check"),
            "commitments to what is masked", "they are made for every coordinate of the model",
        )  # fmt: skip


DESIGN = Design(_uses, _terms, check=_check)
