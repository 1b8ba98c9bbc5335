"""What a member's site has lost of its units' privacy in all studies, as its ledger says."""

from __future__ import annotations

from collegium.accounting.conversion import Charge
from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.totals import in_all, ways_lost
from collegium.accounting.units import UnitName, borne_by, of_one_person
from collegium.federation.view import StudyView
from collegium.ledger.contract.declared import part_of
from collegium.ledger.state import State
from collegium.node.ledger_queries import registered_studies
from collegium.node.status import PrivacySpentStatus


def privacy_spent(state: State, member: str, cap: float | None) -> tuple[PrivacySpentStatus, ...]:
    """Return what a member's persons have lost, and what the site has as a whole, where any has.

    Args:
        state: of the ledger.
        member: whose site.
        cap: the policy's bound on all studies together, if it has one.
    """
    by_bearer: dict[tuple[UnitName, ...], dict[str, tuple[PrivacyTerms, tuple[Charge, ...]]]] = {}
    for study in registered_studies(state):
        view = StudyView(state, study)
        registered = view.registration
        terms = None if registered is None else part_of(registered.terms, PrivacyTerms)
        budget = view.losses.budget(member)
        if isinstance(terms, PrivacyTerms) and budget is not None:
            evaluated = view.evaluation(member) is not None
            ways = ways_lost(terms, budget.rounds, evaluated=evaluated)
            by_bearer.setdefault(of_one_person(terms.unit), {})[study] = terms, ways
    found = []
    for _, studies in sorted(by_bearer.items()):
        strictest = min((terms for terms, _ in studies.values()), key=lambda one: one.delta)
        spent = in_all((ways for _, ways in studies.values()), strictest.conversion)
        found.append(
            PrivacySpentStatus(
                unit=borne_by([terms.unit for terms, _ in studies.values()]),
                epsilon=spent / MICRO, delta=strictest.delta / 10**15,
                accountant=strictest.accountant, studies=tuple(studies), cap=cap,
            )
        )  # fmt: skip
    return tuple(found)
