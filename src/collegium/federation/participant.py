"""The seam of participants: each says what is due from it, and is asked again."""

from __future__ import annotations

from typing import Protocol

from collegium.federation.view import StudyView


class Participant(Protocol):
    """Somebody who acts on the ledger."""

    @property
    def name(self) -> str:
        """The id of the member it acts for, a space, and as what: ``va (validator)``."""
        ...

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return the transactions that are due from it, signed.

        Args:
            view: the ledger's word on the study, right now.
            idle: nothing more came in since the last time: its timer fires.
        """
        ...
