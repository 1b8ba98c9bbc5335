"""Retention: a member's own decision for how long updates are kept after a study has closed.

A site retires its own updates; a validator votes that everybody's be retired. The ledger knows no
time, so the member notes in its outbox when it first saw the study closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from collegium.federation.identity import Identity
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.ledger.contract.retirement import EVERYBODY
from collegium.ledger.contract.transactions import BlobRetire


class Retention:
    """A member's retention of updates; it satisfies `Participant`, also after a study is closed.

    Args:
        identity: the member's.
        outbox: the member's.
        seconds: how long updates are kept after the member saw their study closed.
        clock: returns seconds since the epoch.
    """

    def __init__(
        self,
        identity: Identity,
        outbox: WriteOnce,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = f"{identity.member} (retention)"
        self._identity = identity
        self._outbox = outbox
        self._seconds = seconds
        self._clock = clock

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due: nothing until the study has been closed for long enough."""
        if view.phase != "closed" or view.retirement.is_retired(EVERYBODY):
            return []
        key = OutboxKey(self._identity.genesis, "closed", view.study)
        now = self._clock()
        since = float(self._outbox.get(key) or self._outbox.put(key, repr(now).encode()))
        if now < since + self._seconds:
            return []
        member, due = self._identity.member, []
        if view.acceptance(member) is not None and not view.retirement.is_retired(member):
            due.append("own")
        if member in view.current_validators and not view.retirement.has_voted(member):
            due.append("all")
        return [
            self._identity.sign(BlobRetire, study=view.study, round=0, updates=whose)
            for whose in due
        ]
