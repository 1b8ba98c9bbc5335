"""What the ledger says of what sites' units have lost, as participants ask it."""

from __future__ import annotations

from collegium.accounting.conversion import Charge, added, times
from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.tables import StudyRecord, study_path
from collegium.ledger.state import State
from collegium.mechanisms.privacy.rules import (
    LOSSES,
    Budget,
    CumulativePrivacy,
    cumulative_privacy_key,
)


class PrivacySpentView:
    """A moment's reading of the budgets in a study, and of losses in all of them."""

    def __init__(self, state: State, study: str, registration: StudyRecord | None) -> None:
        self._state = state
        self._study = study
        self._registration = registration

    def budget(self, site: str) -> Budget | None:
        """Return what a site's units have lost in the study; None without differential privacy."""
        return self._state.record(study_path(self._study, "budgets"), site, Budget)

    def elsewhere(self, site: str) -> Charge:
        """Return what a site's units of the study's kind have lost in other studies: a charge.

        A statement that this study charged for counts as another study's.
        """
        registered = self._registration
        terms = None if registered is None else part_of(registered.terms, PrivacyTerms)
        if terms is None:
            return ()
        found = self._state.record(
            LOSSES, cumulative_privacy_key(site, terms.unit), CumulativePrivacy
        )
        if found is None:
            return ()
        here = self.budget(site)
        if here is None:
            return found.charge
        charged = added(terms.setup, times(terms.charge, here.rounds))
        return tuple(one - own for one, own in zip(found.charge, charged, strict=True))
