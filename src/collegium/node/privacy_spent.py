"""What a member's site has lost of its units' privacy in all studies, as its ledger says."""

from __future__ import annotations

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.totals import TookPart, Ways, lost_in_all
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
    return tuple(
        PrivacySpentStatus(
            unit=lost.unit, epsilon=lost.spent / MICRO, delta=lost.strictest.delta / 10**15,
            accountant=lost.strictest.accountant, studies=lost.studies,
            cap=None if lost.unit == "client" else cap,
        )
        for lost in lost_in_all(_took_part(state, member))
    )  # fmt: skip


def lost_elsewhere(state: State, member: str, study: str) -> tuple[Ways, ...]:
    """Return what one person of a member's site has lost in each study but one."""
    studies = _took_part(state, member).items()
    return tuple(one.of_person for name, one in studies if name != study)


def _took_part(state: State, member: str) -> dict[str, TookPart]:
    """Return in which studies with differential privacy a member's site took part, and how."""
    found = {}
    for study in registered_studies(state):
        view = StudyView(state, study)
        registered = view.registration
        terms = None if registered is None else part_of(registered.terms, PrivacyTerms)
        budget = view.budget(member)
        if terms is not None and budget is not None:
            evaluated = view.evaluation(member) is not None
            found[study] = TookPart(terms, budget.rounds, evaluated)
    return found
