"""What a member's site has lost of its units' privacy in all studies, as its ledger says."""

from __future__ import annotations

from collegium.accounting.conversion import Charge
from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.totals import in_all, ways_lost
from collegium.federation.view import StudyView
from collegium.ledger.contract.declared import part_of
from collegium.ledger.state import State
from collegium.node.ledger_queries import registered_studies
from collegium.node.status import PrivacySpentStatus


def privacy_spent(state: State, member: str, cap: float | None) -> tuple[PrivacySpentStatus, ...]:
    """Return what a member's units have lost, one for each kind that some study protects.

    Args:
        state: of the ledger.
        member: whose site.
        cap: the policy's bound on all studies together, if it has one.
    """
    by_unit: dict[str, dict[str, tuple[PrivacyTerms, tuple[Charge, ...]]]] = {}
    for study in registered_studies(state):
        view = StudyView(state, study)
        registered = view.registration
        terms = None if registered is None else part_of(registered.terms, PrivacyTerms)
        budget = view.losses.budget(member)
        if isinstance(terms, PrivacyTerms) and budget is not None:
            evaluated = view.evaluation(member) is not None
            ways = ways_lost(terms, budget.rounds, evaluated=evaluated)
            by_unit.setdefault(terms.unit, {})[study] = terms, ways
    found = []
    for unit, studies in sorted(by_unit.items()):
        strictest = min((terms for terms, _ in studies.values()), key=lambda one: one.delta)
        spent = in_all((ways for _, ways in studies.values()), strictest.conversion)
        found.append(
            PrivacySpentStatus(
                unit=unit, epsilon=spent / MICRO, delta=strictest.delta / 10**15,
                accountant=strictest.accountant, studies=tuple(studies), cap=cap,
            )
        )  # fmt: skip
    return tuple(found)
