"""Whether a rule goes with digests: it has to be given all updates alike."""

from __future__ import annotations

from tests.mechanism_package.their_digests.terms import DigestTerms

from collegium.assembly.seam import Fitting
from collegium.learning.aggregation.rule import Rule
from collegium.study.design import section_of
from collegium.study.document import Study
from collegium.study.refusal import contradiction


def _rule(rule: Rule, study: Study) -> None:
    if section_of(study, "digests", DigestTerms) is not None and rule.kind != "recomputed":
        raise contradiction(
            ("aggregation", "rule"), f"digests do not go with {study.aggregation.rule}",
            "it is given more than updates", "choose another rule",
        )  # fmt: skip


FITTING = Fitting(rule=_rule)
