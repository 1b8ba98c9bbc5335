"""The seam of attacks, and the little that all of them need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import InProcessBlobs
from collegium.federation.local_updates import UpdateAuthor
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.envelope import decode_envelope
from collegium.threats.threat_model import ThreatModel


class Lie(Protocol):
    """How attackers lie as validators."""

    def __call__(self, site: str, friends: frozenset[str], honest: int, best: int) -> int:
        """Return what is said of a site's update in the place of the honest score.

        Args:
            site: whose update it is.
            friends: those who lie together.
            honest: the score without a lie.
            best: the best score that there is.
        """
        ...

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the validator with a liar in it."""
        ...


def lie_of(attack: object) -> Lie | None:
    """Return how an attack's validators lie in their scores, None where they do not."""
    lie: Lie | None = getattr(attack, "lie", None)
    return lie


class Coalition(Protocol):
    """Those who attack together with updates."""

    def attacker(self, member: str) -> UpdateAuthor:
        """Return who makes an attacker's updates."""
        ...


@dataclass(frozen=True, slots=True)
class AdversaryContext:
    """What an adversary has: a member's keys, the blobs as it sees them, who else there is.

    `rounds` are those in which it acts, while they are open; if empty, it acts at all times.
    `circle` is what those who attack with updates share. `ledger` returns the envelopes of all
    entries so far, which every member can read. `attackers` are all who attack, itself included.
    """

    identity: Identity
    exchange: InProcessBlobs
    validators: tuple[str, ...]
    rounds: frozenset[int]
    circle: Coalition | None = None
    ledger: Callable[[], list[bytes]] = list
    attackers: frozenset[str] = frozenset()

    def acts(self, view: StudyView) -> bool:
        """Return whether the adversary acts now."""
        return not self.rounds or (view.round is not None and view.number in self.rounds)


class Attack(Protocol):
    """Takes over one of a member's participants."""

    @property
    def name(self) -> str:
        """What a study's ``threat.attack`` says."""
        ...

    @property
    def about(self) -> str:
        """One line on what the adversary does."""
        ...

    @property
    def grant(self) -> ThreatModel:
        """What the adversary is granted."""
        ...

    @property
    def role(self) -> Literal["site", "validator", "orderer"]:
        """Which of the member's participants it takes over; an orderer lies in consensus alone."""
        ...

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the adversary, which may use the honest participant as it likes."""
        ...


Twist = Callable[[AdversaryContext, StudyView, list[bytes]], list[bytes]]
"""Turns what the honest participant would say into what the adversary says."""


@dataclass(frozen=True, slots=True)
class TamperingParticipant:
    """A participant whose messages are twisted while its adversary acts."""

    honest: Participant
    place: AdversaryContext
    twist: Twist

    @property
    def name(self) -> str:
        """The honest participant's name: nobody can tell by that."""
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what the adversary says."""
        due = self.honest.reconcile(view, idle=idle)
        return self.twist(self.place, view, due) if self.place.acts(view) else due


@dataclass(frozen=True, slots=True)
class MessageAttack:
    """An attack that consists in twisting messages; `about` says in a line what it does."""

    name: str
    about: str
    grant: ThreatModel
    role: Literal["site", "validator"]
    twist: Twist

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the twisted participant."""
        return TamperingParticipant(honest, place, self.twist)


def said(envelope: bytes) -> Transaction:
    """Return the transaction in an envelope that we made ourselves."""
    return decode_transaction(decode_envelope(envelope).payload)
