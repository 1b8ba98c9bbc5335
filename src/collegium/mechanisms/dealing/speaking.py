"""A site's part in secure aggregation: its keys, its deal, its mask, and the shares it posts.

docs/spec page 13. Its secrets follow from the node's secret and the attempt, so keys and deal come
out the same whenever they are made again. What depends on what the site happened to see is in its
outbox before it is announced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.blobs import digest
from collegium.ledger.contract.bitmaps import bitmap_of
from collegium.ledger.contract.declared import kind_named, opens_one_key, part_of, phase_of
from collegium.ledger.contract.mechanism import Phase
from collegium.ledger.hashing import tag, u64
from collegium.ledger.hpke import expand
from collegium.mechanisms.dealing import opened_sets
from collegium.mechanisms.dealing.terms import SecaggDeal, SecaggKeys
from collegium.mechanisms.sum_check.pedersen import ORDER, blinding_limbs, commitment
from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.resolving.attempt import Attempt
from collegium.secrecy.masked import with_limbs
from collegium.secrecy.masking import RingVector, signed
from collegium.secrecy.secure_sum import OF_THE_SUM, OwnSecrets, SecureSum


@dataclass(frozen=True, slots=True)
class Dealer:
    """What a site deals, masks and opens with; `protocol` is the study's.

    `may_open` is asked before a sum is opened for the first time, if there is somebody to be asked.
    """

    identity: Identity
    outbox: WriteOnce
    protocol: SecureSum
    may_open: Callable[[StudyView], bool] | None = None

    def due(self, view: StudyView, blobs: Blobs) -> list[bytes]:
        """Return what secure aggregation asks of a participant beside its update, in its phases."""
        phase = phase_of(self._here(view).terms.modules, view.phase)
        if phase is None or self.identity.member not in view.outstanding:
            return []
        match view.phase:
            case "sa.keys":
                return self._advertise(view)
            case "sa.deal":
                return self._announce(view, blobs)
        return self._open(view, blobs, phase) if phase.opens else []

    def takes_part(self, view: StudyView) -> bool:
        """Return whether the site is in a group that goes on, where there are groups."""
        groups = self._here(view).groups
        return not groups or self.identity.member in groups

    def may_commit(self, view: StudyView, blobs: Blobs) -> bool:
        """Return whether the site has dealt, and is still in the attempt.

        Raises:
            RunError: the attempt is without somebody of a sum that the site has opened.
        """
        if not (view.has_spoken("sa_deals", self.identity.member) and self.takes_part(view)):
            return False
        key, member = self._opened_key(view), self.identity.member
        opened_sets.check(key, self.outbox, view, member, self.protocol, blobs)
        return True

    def _here(self, view: StudyView) -> Attempt:
        """Return the open attempt.

        Raises:
            LookupError: none is open.
        """
        here = view.here
        if here is None:
            raise LookupError(view.study)
        return here

    def _advertise(self, view: StudyView) -> list[bytes]:
        """Return the site's fresh keys."""
        keys = self.protocol.advertise(self._own(view))
        return [
            self.identity.sign(
                SecaggKeys, study=view.study, round=view.number, attempt=view.attempt,
                mask_key=to_text(keys.mask), share_key=to_text(keys.share),
            )
        ]  # fmt: skip

    def _announce(self, view: StudyView, blobs: Blobs) -> list[bytes]:
        """Publish the site's deal, and announce it."""
        if not self.takes_part(view):
            return []
        name = blobs.publish(self._deal(view))
        return [
            self.identity.sign(
                SecaggDeal, study=view.study, round=view.number, attempt=view.attempt,
                digest=to_text(name),
            )
        ]  # fmt: skip

    def serve_again(self, view: StudyView, blobs: Blobs) -> None:
        """Publish the site's deal, or key share, once more where its blob is gone or damaged."""
        here = view.here
        if here is None:
            return
        name = here.deals.get(self.identity.member)
        if name is not None and blobs.fetch(name) is None:
            deal = self._deal(view)
            if digest(deal) == name:
                blobs.publish(deal)
        if not opens_one_key(here.terms.design):
            return
        name = here.shares.get(self.identity.member)
        if name is not None and blobs.fetch(name) is None:
            share = self.outbox.get(self._key(view, "shares"))
            if share is not None and digest(share) == name:
                blobs.publish(share)

    def sound_deals(self, view: StudyView, blobs: Blobs, *, patient: bool) -> bytes | None:
        """Return whose deals are sound for this site, as a bitmap; None to wait for a blob.

        What is announced once is announced for good.

        Args:
            view: the ledger's word.
            blobs: where the deals are.
            patient: whether a deal that cannot be had may still come.
        """
        key = self._key(view, "sound")
        kept = self.outbox.get(key)
        if kept is not None:
            return kept
        member, own = self.identity.member, self._own(view)
        here, sound = self._here(view), []
        share_holders = here.agreement_of(member).share_holders
        for dealer, name in here.deals.items():
            if dealer not in share_holders.keys or member not in share_holders.holders(dealer):
                continue
            deal = blobs.fetch(name)
            if deal is None and patient:
                return None
            if deal is not None and self.protocol.is_sound(
                own, share_holders, dealer, member, deal
            ):
                sound.append(dealer)
        return self.outbox.put(key, bitmap_of(tuple(view.participants), sound))

    def sent(self, view: StudyView) -> bytes | None:
        """Return the masked update of the open attempt, if there is one in the outbox to be sent.

        None where the site's group is out of the attempt: nobody needs it any more.
        """
        return self.outbox.get(self._key(view, "masked")) if self.takes_part(view) else None

    def masked(self, view: StudyView, vector_in: Callable[[int], RingVector]) -> bytes:
        """Return the blob of a masked vector, the same ever after.

        Args:
            view: the ledger's word.
            vector_in: makes the vector in a ring.

        Raises:
            LookupError: no round is open.
        """
        member, kept = self.identity.member, self.sent(view)
        if kept is not None:
            return kept
        agreement = self._here(view).agreement_of(member)
        vector = vector_in(agreement.ring)
        if self._commits_to_vectors(view):
            vector = with_limbs(vector, blinding_limbs(self._blinding(view, vector)))
        hidden = self.protocol.protect(self._own(view), agreement, member, vector)
        return self.outbox.put(self._key(view, "masked"), hidden)

    def point(self, view: StudyView, vector_in: Callable[[int], RingVector]) -> bytes | None:
        """Return the commitment to what the site masks; None where nobody asks for one."""
        if not self._commits_to_vectors(view):
            return None
        ring = self._here(view).ring
        vector = vector_in(ring)
        return commitment(signed(vector), ring, self._blinding(view, vector))

    def _commits_to_vectors(self, view: StudyView) -> bool:
        return part_of(self._here(view).terms.terms, SumCheckTerms) is not None

    def _blinding(self, view: StudyView, vector: RingVector) -> int:
        """Return what hides a vector in its commitment; another one for another vector."""
        context = (u64(view.number), u64(view.attempt), digest(vector.tobytes()))
        seed = self.identity.randomness(view.study, "secagg-blinding", *context)
        return int.from_bytes(expand(seed, tag("blinding"), 64), "little") % ORDER

    def _open(self, view: StudyView, blobs: Blobs, phase: Phase) -> list[bytes]:
        """Return what the site gives to open the survivors' sum, once and for all.

        Nothing else is ever posted, whatever the site is told later. Nothing where a deal that it
        called sound cannot be had any more.

        Raises:
            RunError: the site has opened a sum over another set in this round.
        """
        given = self._opening(view, blobs)
        if given is None:
            return []
        in_blob = opens_one_key(self._here(view).terms.design)
        return [
            self.identity.sign(
                kind_named(phase.kind), study=view.study, round=view.number, attempt=view.attempt,
                **{phase.opens: to_text(blobs.publish(given) if in_blob else given)},
            )
        ]  # fmt: skip

    def _opening(self, view: StudyView, blobs: Blobs) -> bytes | None:
        """Return what the site gives to open the sum; None where it cannot."""
        key = self._key(view, "shares")
        kept = self.outbox.get(key)
        if kept is not None:
            return kept
        found = self._shares(view, blobs)
        if found is None or (self.may_open is not None and not self.may_open(view)):
            return None
        opened, member = self._opened_key(view), self.identity.member
        opened_sets.bind(opened, self.outbox, view, member, self.protocol, blobs)
        return self.outbox.put(key, found)

    def _shares(self, view: StudyView, blobs: Blobs) -> bytes | None:
        member, here = self.identity.member, self._here(view)
        agreement, deals = here.agreement_of(member), {}
        if member not in here.sound:
            return None
        for dealer in here.sound[member]:
            deal = blobs.fetch(agreement.deals[dealer])
            if deal is None:
                return None
            deals[dealer] = deal
        survivors = frozenset(here.included)
        found = self.protocol.shares(self._own(view), agreement, member, deals, survivors)
        wanted = {OF_THE_SUM} if opens_one_key(here.terms.design) else deals.keys()
        return b"".join(found.values()) if found.keys() == wanted else None

    def _deal(self, view: StudyView) -> bytes:
        member = self.identity.member
        share_holders = self._here(view).agreement_of(member).share_holders
        return self.protocol.deal(self._own(view), share_holders, member)

    def _key(self, view: StudyView, purpose: str) -> OutboxKey:
        return OutboxKey(self.identity.genesis, purpose, view.study, view.number, view.attempt)

    def _opened_key(self, view: StudyView) -> OutboxKey:
        return OutboxKey(self.identity.genesis, "opened", view.study, view.number)

    def _own(self, view: StudyView) -> OwnSecrets:
        return self.identity.own_secrets(view.study, view.number, view.attempt)
