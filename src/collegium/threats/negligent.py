"""Validators that neglect their duty: they copy others, leave somebody out, or do not wait."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.canonical import from_text, to_text
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.bitmaps import attested, bitmap_of
from collegium.ledger.contract.transactions import PhaseTimeout, RoundVote, UpdateAvailable
from collegium.threats.attack import AdversaryContext, Attack, MessageAttack, said
from collegium.threats.ordering import OrderAttack, said_here, signed_again
from collegium.threats.threat_model import ThreatModel


@dataclass(frozen=True, slots=True)
class _Lazy:
    """A validator that fetches and recomputes nothing: it attests to all, and votes as the first.

    See Luu, Teutsch, Kulkarni and Saxena, "Demystifying Incentives in the Consensus Computer",
    CCS 2015, on why somebody would.
    """

    honest: Participant
    place: AdversaryContext

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        member = self.place.identity.member
        if not self.place.acts(view) or view.phase not in ("available", "vote"):
            return self.honest.reconcile(view, idle=idle)
        if view.has_spoken({"available": "available", "vote": "votes"}[view.phase], member):
            return []
        if view.phase == "available":
            return [_attestation(self.place, view, list(view.reveals))]
        votes = said_here(self.place, RoundVote, view)
        return [signed_again(votes[0][1], self.place.identity)] if votes else []


def _censor(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Attest to all updates but that of the site with the least weight."""
    if view.round is None or not view.participants:
        return due
    victim = min(view.participants, key=lambda name: (view.participants[name], name))
    names = tuple(view.participants)
    twisted = []
    for envelope in due:
        statement = said(envelope)
        if isinstance(statement, UpdateAvailable):
            held = attested(from_text(statement.bitmap, (len(names) + 7) // 8), names)
            envelope = _attestation(place, view, [name for name in held if name != victim])
        twisted.append(envelope)
    return twisted


def _hurry(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Say at once that a phase has lasted long enough."""
    if view.round is None or view.has_timed_out(place.identity.member):
        return due
    hurried = place.identity.sign(
        PhaseTimeout, study=view.study, round=view.number, attempt=view.attempt, phase=view.phase
    )
    return [hurried, *due]


def _attestation(place: AdversaryContext, view: StudyView, held: list[str]) -> bytes:
    return place.identity.sign(
        UpdateAvailable, study=view.study, round=view.number, attempt=view.attempt,
        bitmap=to_text(bitmap_of(list(view.participants), held)),
    )  # fmt: skip


LAZY: Attack = OrderAttack(
    "lazy_validator", "attests to every update unseen, and votes as the first one did",
    ThreatModel("a validator's standing without its work", ("published",), ("messages",)), _Lazy,
    "validator",
)  # fmt: skip
CENSORING: Attack = MessageAttack(
    "censoring_validator",
    "says of the smallest site's updates that they are not to be had",
    ThreatModel("a model without that site", ("own", "published"), ("messages",)),
    "validator",
    _censor,
)
HASTY: Attack = MessageAttack(
    "hasty_validator",
    "says of every phase, as it opens, that it has lasted long enough",
    ThreatModel("rounds without those who need their time", ("own",), ("messages",)),
    "validator",
    _hurry,
)
