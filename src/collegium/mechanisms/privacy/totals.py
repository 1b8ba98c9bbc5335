"""What a site's units have lost over all studies of a ledger, recomputed from them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.totals import TookPart, lost_in_all
from collegium.audit.findings import LedgerPrivacySpent
from collegium.audit.studies import StudyHistory
from collegium.errors import CollegiumError
from collegium.mechanisms.privacy.checking import charged_rounds
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms


def totals(
    study_histories: Mapping[str, StudyHistory], documents: Mapping[str, Study]
) -> Iterator[LedgerPrivacySpent]:
    """Yield what each site's persons have lost, and each site as a whole, where any has.

    A unit is in one part of each study, so that it loses what its rounds cost, or its statement.
    What a person loses by one study of whole sites alone is left to that study.

    Args:
        study_histories: of all studies.
        documents: the documents of those of which one is there.
    """
    took_part: dict[str, dict[str, TookPart]] = {}
    bare: dict[str, list[str]] = {}
    for name, study_history in study_histories.items():
        study = documents.get(name)
        terms = None if study is None else _terms(study)
        for site, rounds in charged_rounds(study_history).items():
            if terms is not None:
                evaluated = site in study_history.statements
                took_part.setdefault(site, {})[name] = TookPart(terms, rounds, evaluated)
            elif study is not None and rounds:
                bare.setdefault(site, []).append(name)
    for site, studies in sorted(took_part.items()):
        alone = len(studies) + len(bare.get(site, ())) == 1
        for lost in lost_in_all(studies):
            if alone and lost.unit == "person":
                continue
            apart = [name for name in studies if name not in lost.studies]
            yield LedgerPrivacySpent(
                site=site, unit=lost.unit, epsilon=lost.spent / MICRO,
                delta=lost.strictest.delta / 10**15, accountant=lost.strictest.accountant,
                studies=lost.studies, unbounded=(*bare.get(site, ()), *apart),
            )  # fmt: skip


def _terms(study: Study) -> PrivacyTerms | None:
    try:
        return privacy_terms(study)
    except CollegiumError:
        return None  # a finding says that there are none
