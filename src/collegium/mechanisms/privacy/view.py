"""What the ledger says of what sites' units have lost, as participants ask it."""

from __future__ import annotations

from collegium.accounting.conversion import Charge, added, times
from collegium.accounting.terms import PrivacyTerms
from collegium.accounting.units import of_one_person
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
        """Return what one person of a site, or a site, has lost in other studies: a charge.

        Patients and records are the same people, so that their losses add up.

        A statement that this study charged for counts as another study's.
        """
        registered = self._registration
        terms = None if registered is None else part_of(registered.terms, PrivacyTerms)
        if terms is None:
            return ()
        kinds = (
            self._state.record(LOSSES, cumulative_privacy_key(site, unit), CumulativePrivacy)
            for unit in of_one_person(terms.unit)
        )
        known = [one.charge for one in kinds if one is not None]
        if not known:
            return ()
        found = added(*known)
        here = self.budget(site)
        if here is None:
            return found
        charged = added(terms.setup, times(terms.charge, here.rounds))
        return tuple(one - own for one, own in zip(found, charged, strict=True))
