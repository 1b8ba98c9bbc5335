"""What a site's units have lost over all studies of a ledger, recomputed from them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collegium.accounting.conversion import Charge
from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.totals import in_all, ways_lost
from collegium.accounting.units import UnitName, borne_by, of_one_person
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

    Args:
        study_histories: of all studies.
        documents: the documents of those of which one is there.
    """
    lost: dict[
        tuple[str, tuple[UnitName, ...]], dict[str, tuple[PrivacyTerms, tuple[Charge, ...]]]
    ] = {}
    bare: dict[str, list[str]] = {}
    for name, study_history in study_histories.items():
        study = documents.get(name)
        terms = None if study is None else _terms(study)
        for site, rounds in charged_rounds(study_history).items():
            if terms is None:
                if study is not None and rounds:
                    bare.setdefault(site, []).append(name)
                continue
            ways = ways_lost(terms, rounds, evaluated=site in study_history.statements)
            lost.setdefault((site, of_one_person(terms.unit)), {})[name] = terms, ways
    for (site, _), studies in sorted(lost.items()):
        strictest = min((terms for terms, _ in studies.values()), key=lambda one: one.delta)
        spent = in_all((ways for _, ways in studies.values()), strictest.conversion)
        yield LedgerPrivacySpent(
            site=site, unit=borne_by([terms.unit for terms, _ in studies.values()]),
            epsilon=spent / MICRO,
            delta=strictest.delta / 10**15, accountant=strictest.accountant,
            studies=tuple(studies), unbounded=tuple(bare.get(site, ())),
        )  # fmt: skip


def _terms(study: Study) -> PrivacyTerms | None:
    try:
        return privacy_terms(study)
    except CollegiumError:
        return None  # a finding says that there are none
