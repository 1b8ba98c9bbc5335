"""Privacy budgets: what each site's units have lost, and whether another round is within bounds.

A site is charged when a round opens with it, once however many attempts the round takes: a site
sends the same update in each of them, and another one is refused. Charges are integers that the
study registered, so the contract only adds and compares.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from collegium.accounting.conversion import Charge, added, times
from collegium.accounting.terms import PrivacyTerms, spent_after
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import (
    LOSSES,
    Budget,
    Losses,
    Reveal,
    StudyRecord,
    attempt_key,
    round_path,
    study_path,
)
from collegium.ledger.contract.transactions import UpdateReveal
from collegium.ledger.state import State


def losses_key(site: str, unit: str) -> str:
    """Return where a site's losses over all studies are kept, for one kind of unit."""
    return f"{site}/{unit}"


def accepted(state: State, study: str, record: StudyRecord, site: str) -> None:
    """Charge a site for what its acceptance tells."""
    terms = record.privacy
    if isinstance(terms, PrivacyTerms):
        _put(state, study, terms, site, 0)
        _lose(state, terms, site, terms.setup)


def exhausted(state: State, study: str, record: StudyRecord, sites: Iterable[str]) -> list[str]:
    """Return those of some sites whose budgets have no room for one more round."""
    terms = record.privacy
    if not isinstance(terms, PrivacyTerms):
        return []
    return [
        site for site in sites if spent_after(terms, _rounds(state, study, site) + 1) > terms.budget
    ]


def charge(state: State, study: str, record: StudyRecord, sites: list[str]) -> None:
    """Charge the participants of a round that opens."""
    terms = record.privacy
    if not isinstance(terms, PrivacyTerms):
        return
    for site in sites:
        _put(state, study, terms, site, _rounds(state, study, site) + 1)
        _lose(state, terms, site, terms.charge)


def evaluated(state: State, study: str, record: StudyRecord, site: str) -> None:
    """Charge a site for its statement about the test part, whose units took no part in rounds.

    They and the others are different units, so that only what exceeds the others' loss in the
    study is added to what any of the site's units may have lost.
    """
    terms = record.privacy
    if not isinstance(terms, PrivacyTerms):
        return
    trained = added(terms.setup, times(terms.charge, _rounds(state, study, site)))
    more = tuple(max(0, one - other) for one, other in zip(terms.evaluation, trained, strict=True))
    _lose(state, terms, site, more)


def spent(
    state: State, study: str, record: StudyRecord, sites: list[str]
) -> tuple[int, ...] | msgspec.UnsetType:
    """Return what each site's units have lost in the study, in micro-epsilon."""
    if not isinstance(record.privacy, PrivacyTerms):
        return msgspec.UNSET
    found = (_budget(state, study, site) for site in sites)
    return tuple(budget.spent for budget in found if budget is not None)


def require_same_update(state: State, record: StudyRecord, tx: UpdateReveal, sender: str) -> None:
    """Refuse a second update in a round that was charged for one.

    Under masks one update looks different in every attempt, so there the site's word has to do.

    Raises:
        Rejected: an earlier attempt of the round saw another update of the same site.
    """
    if not isinstance(record.privacy, PrivacyTerms) or is_masked(record.design):
        return
    path = round_path(tx.study, tx.round, "reveals")
    for attempt in range(1, tx.attempt):
        before = state.record(path, attempt_key(attempt, sender), Reveal)
        if before is not None and before.digest != tx.digest:
            raise Rejected("refused", "the round's charge is for one update, and this is another")


def _put(state: State, study: str, terms: PrivacyTerms, site: str, rounds: int) -> None:
    budget = Budget(rounds=rounds, spent=spent_after(terms, rounds))
    state.put(study_path(study, "budgets"), site, budget)


def _budget(state: State, study: str, site: str) -> Budget | None:
    return state.record(study_path(study, "budgets"), site, Budget)


def _rounds(state: State, study: str, site: str) -> int:
    budget = _budget(state, study, site)
    return 0 if budget is None else budget.rounds


def _lose(state: State, terms: PrivacyTerms, site: str, more: Charge) -> None:
    key = losses_key(site, terms.unit)
    known = state.record(LOSSES, key, Losses)
    charged = more if known is None else added(known.charge, more)
    state.put(LOSSES, key, Losses(charge=charged))
