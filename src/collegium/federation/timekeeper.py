"""Keeping a study's time: all that a validator says of it without looking at what is in it."""

from __future__ import annotations

from collegium.federation.identity import Identity
from collegium.federation.view import StudyView
from collegium.ledger.contract.transactions import PhaseTimeout, StudyAbandon, StudyClose


class Timekeeper:
    """A validator's timers in a study; it satisfies `Participant`.

    It reads the ledger alone, no document and no blob. So a study that a node cannot or must not
    compute still ends, and holds nothing up.
    """

    def __init__(self, identity: Identity) -> None:
        self.name = f"{identity.member} (timekeeper)"
        self._identity = identity
        self._idled_in: tuple[int, int, str] | None = None

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Close a study that has nothing left to do; when idle again, time its phase out.

        What waits for everybody is abandoned.
        """
        member, registration = self._identity.member, view.registration
        if view.phase == "closing" and (idle or member == view.first_validator):
            return [self._identity.sign(StudyClose, study=view.study)]
        if not idle or registration is None or view.phase in ("absent", "closing", "closed"):
            return []
        here = (view.number, view.attempt, view.phase)
        if self._idled_in != here:
            # First everybody says what it has; only then is anybody late.
            self._idled_in = here
            return []
        waits_for_all = registration.attendance == "all"
        if view.has_abandoned(member) if waits_for_all else view.has_timed_out(member):
            return []
        inside = view.round is not None
        return [
            self._identity.sign(
                StudyAbandon if waits_for_all else PhaseTimeout, study=view.study,
                round=view.number if inside else 0, attempt=view.attempt, phase=view.phase,
            )
        ]  # fmt: skip
