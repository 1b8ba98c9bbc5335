"""A site's part in a sum of statistics: it hides its counts as it hides an update.

docs/spec page 19. What it counts is its own affair; here they go through the phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collegium.federation.commit_reveal import commit_to, reveal_of
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.blobs import digest
from collegium.mechanisms.dealing.speaking import Dealer
from collegium.mechanisms.sums.counted import RING
from collegium.resolving.attempt import blob_of
from collegium.secrecy.masking import RingVector, ring_type
from collegium.secrecy.opening import secure_sum_named


@dataclass(frozen=True, slots=True)
class Counting:
    """What a site hides its counts with."""

    identity: Identity
    outbox: WriteOnce

    def due(
        self, view: StudyView, blobs: Blobs, vector: Callable[[], RingVector | None], *, idle: bool
    ) -> list[bytes]:
        """Return what is due from a site in the open sum.

        Args:
            view: the ledger's word.
            blobs: where deals and hidden counts are.
            vector: makes the site's counts as they enter the ring; None where it has none.
            idle: whether nothing more is to be waited for.
        """
        member, here = self.identity.member, view.here
        if here is None or member not in here.participants:
            return []
        dealer = Dealer(self.identity, self.outbox, secure_sum_named(here.terms.design))
        dealer.serve_again(view, blobs)
        if member in view.reveals:
            self._serve_again(view, blobs, dealer)
        if dealt := dealer.due(view, blobs):
            return dealt
        match view.phase:
            case "commit" if not view.has_spoken("commits", member):
                return self._commit(view, blobs, dealer, vector, idle=idle)
            case "reveal" if view.has_spoken("commits", member) and member not in view.reveals:
                return self._reveal(view, blobs, dealer)
        return []

    def _commit(
        self, view: StudyView, blobs: Blobs, dealer: Dealer,
        vector: Callable[[], RingVector | None], *, idle: bool,
    ) -> list[bytes]:  # fmt: skip
        if not dealer.may_commit(view, blobs):
            return []
        sound = dealer.sound_deals(view, blobs, patient=not idle)
        if sound is None:
            return []
        hidden = dealer.sent(view)
        if hidden is None:
            made = self._bound(view, vector)
            if made is None:
                return []
            hidden = dealer.masked(view, lambda ring: made)
        return [commit_to(self.identity, view, digest(hidden), sound)]

    def _bound(self, view: StudyView, vector: Callable[[], RingVector | None]) -> RingVector | None:
        """Return what is counted for all attempts at a sum: two would tell what rows changed."""
        key = OutboxKey(self.identity.genesis, "counts", view.study, view.number)
        kept = self.outbox.get(key)
        if kept is None:
            made = vector()
            if made is None:
                return None
            kept = self.outbox.put(key, made.tobytes())
        return np.frombuffer(kept, ring_type(RING)).copy()  # masks are added in place

    def _reveal(self, view: StudyView, blobs: Blobs, dealer: Dealer) -> list[bytes]:
        """Reveal what the outbox holds; whoever lost its outbox after committing abstains."""
        hidden = dealer.sent(view)
        if hidden is None:
            return []
        return [reveal_of(self.identity, view, blobs.publish(hidden, sync=False))]

    def _serve_again(self, view: StudyView, blobs: Blobs, dealer: Dealer) -> None:
        """Publish revealed counts once more where their blob is gone or damaged."""
        name = blob_of(view.reveals[self.identity.member])
        if blobs.fetch(name) is None:
            hidden = dealer.sent(view)
            if hidden is not None and digest(hidden) == name:
                blobs.publish(hidden, sync=False)
