"""What a study document says of digests, and what they make validators send."""

from __future__ import annotations

from tests.mechanism_package.their_digests.terms import DigestTerms

from collegium.study.design import Design, Facts, section_of
from collegium.study.document import Study


def _uses(study: Study, facts: Facts) -> bool:
    return section_of(study, "digests", DigestTerms) is not None


def _terms(study: Study, sites: int, facts: Facts) -> DigestTerms | None:
    return section_of(study, "digests", DigestTerms)


DESIGN = Design(uses=_uses, terms=_terms, section=DigestTerms)
