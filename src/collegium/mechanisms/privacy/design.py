"""What a study's document says of differential privacy, as it is registered."""

from __future__ import annotations

from collegium.accounting.terms import PrivacyTerms
from collegium.study.compression import require_whole
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.limit import Limit
from collegium.study.privacy import privacy_terms

_PLACE = ("privacy", "differential_privacy")


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether there is any."""
    return study.privacy.differential_privacy is not None


def _terms(study: Study, sites: int, facts: Facts) -> PrivacyTerms | None:
    """Return charges and budget."""
    return privacy_terms(study)


def _check(study: Study) -> None:
    private = study.privacy.differential_privacy
    if private is not None and not private.protects.in_training:
        require_whole(
            study, (*_PLACE, "unit"), "noise for whole sites",
            "clip and noise are made for all coordinates of an update",
        )  # fmt: skip


DESIGN = Design(
    _uses,
    _terms,
    check=_check,
    limits=(
        Limit((*_PLACE, "epsilon"), 0.01, 1000),
        Limit((*_PLACE, "delta"), 1e-15, 0.1),
        Limit((*_PLACE, "clip"), 1e-6, 1_000_000),
        Limit((*_PLACE, "sampling_rate"), 0.0001, 1),
        Limit((*_PLACE, "colluders"), 0, 100_000),
        Limit((*_PLACE, "noise_multiplier"), 0.2, 10_000),
    ),
)
