"""What a study's document says of compression, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.compression.terms import CompressionTerms
from collegium.study.compression import kept_share
from collegium.study.design import Design, Facts
from collegium.study.document import Study


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether updates have some coordinates only."""
    return isinstance(kept_share(study), int)


def _terms(study: Study, sites: int, facts: Facts) -> CompressionTerms | None:
    """Return how many coordinates updates have; None where they have all."""
    keep = kept_share(study)
    return CompressionTerms(keep=keep) if isinstance(keep, int) else None


DESIGN = Design(_uses, _terms)
