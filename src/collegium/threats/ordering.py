"""Sites that say what was said before: replays, another's commitment, and demands to erase.

What a ledger has accepted is public, so an adversary may send any of it again, on any ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

from collegium.federation.identity import Identity
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.transactions import (
    BlobRetire,
    RoundTransaction,
    Transaction,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.keys import key_id
from collegium.threats.attack import AdversaryContext, Attack, MessageAttack, said
from collegium.threats.threat_model import ThreatModel

RECENT = 12
"""Entries of the ledger that a replaying site sends again in a pass."""

ERASURES = 20
"""Rounds whose erasure is demanded in a pass."""


@dataclass(slots=True)
class _Replaying:
    """A site that repeats itself, everybody else, and what it says elsewhere."""

    honest: Participant
    place: AdversaryContext
    elsewhere: Identity
    said: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due = self.honest.reconcile(view, idle=idle)
        if not self.place.acts(view) or not due:
            return due
        again = [*self.said, *self.place.ledger()[-RECENT:], *map(self._elsewhere, due)]
        self.said = due
        return due + again

    def _elsewhere(self, envelope: bytes) -> bytes:
        return signed_again(said(envelope), self.elsewhere)


@dataclass(slots=True)
class _FrontRunning:
    """A site that waits for another's commitment, takes it for its own, and reveals after it.

    `victim` is the id of the key behind the commitment that it took in the attempt `taken_in`.
    """

    honest: Participant
    place: AdversaryContext
    victim: bytes = b""
    taken_in: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due = self.honest.reconcile(view, idle=idle)
        if not self.place.acts(view) or view.round is None:
            return due
        kept = [one for one in due if not isinstance(said(one), UpdateCommit | UpdateReveal)]
        here = (view.number, view.attempt)
        if view.phase == "commit" and self.taken_in != here:
            theirs = said_here(self.place, UpdateCommit, view)
        elif view.phase == "reveal" and self.taken_in == here:
            theirs = said_here(self.place, UpdateReveal, view)
            theirs = [one for one in theirs if one[0] == self.victim]
        else:
            return kept
        if not theirs:
            return kept
        self.victim, statement = theirs[0]
        self.taken_in = here
        return [*kept, signed_again(statement, self.place.identity)]


def said_here(
    place: AdversaryContext, kind: type[RoundTransaction], view: StudyView
) -> list[tuple[bytes, RoundTransaction]]:
    """Return what others have said of a kind in the open attempt, with the ids of their keys."""
    own, found = key_id(place.identity.key.public), []
    for envelope in place.ledger():
        statement, author = said(envelope), decode_envelope(envelope).key_id
        if isinstance(statement, kind) and author != own:
            here = (statement.study, statement.round, statement.attempt)
            if here == (view.study, view.number, view.attempt):
                found.append((author, statement))
    return found


def signed_again(statement: Transaction, who: Identity) -> bytes:
    """Return the envelope of the same statement by somebody else, or for another ledger."""
    names = (name for name in statement.__struct_fields__ if name not in ("format", "genesis"))
    return who.sign(type(statement), **{name: getattr(statement, name) for name in names})


@dataclass(frozen=True, slots=True)
class OrderAttack:
    """An attack of a site that looks at the ledger; `about` says in a line what it does."""

    name: str
    about: str
    grant: ThreatModel
    adversary: Callable[[Participant, AdversaryContext], Participant]
    role: Literal["site", "validator"] = "site"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the adversary."""
        return self.adversary(honest, place)


def _replaying(honest: Participant, place: AdversaryContext) -> Participant:
    other = sha256(b"another ledger" + place.identity.genesis).digest()
    return _Replaying(honest, place, replace(place.identity, genesis=other))


def _erase(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Demand again and again that updates be erased: those of every round, and of the open one."""
    places = range(min(view.number, ERASURES) + 1)
    demands = [
        place.identity.sign(BlobRetire, study=view.study, round=number, updates="own")
        for number in places
    ]
    return due + demands if due else due


REPLAYING: Attack = OrderAttack(
    "replaying_site", "sends again what it and others have said, here and for other ledgers",
    ThreatModel("something counted twice", ("own", "published"), ("messages",)), _replaying,
)  # fmt: skip
FRONT_RUNNING: Attack = OrderAttack(
    "front_running_site",
    "takes another's commitment for its own, and reveals what that one did",
    ThreatModel("the credit for another's update", ("own", "published"), ("messages",)),
    _FrontRunning,
)
ERASING: Attack = MessageAttack(
    "erasing_site",
    "demands in every pass that its updates be erased",
    ThreatModel("rounds that cannot be computed or repeated", ("own",), ("messages",)),
    "site",
    _erase,
)
