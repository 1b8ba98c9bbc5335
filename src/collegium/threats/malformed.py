"""Sites whose updates are no updates: refused before any arithmetic, and their sites named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collegium.canonical import to_text
from collegium.federation.participant import Participant
from collegium.federation.site import Site
from collegium.federation.view import StudyView
from collegium.learning.blobs import LIMIT, UPDATE_TAG, digest
from collegium.ledger.contract.transactions import UpdateCommit, UpdateReveal
from collegium.ledger.contract.updates import commitment
from collegium.threats.attack import AdversaryContext, Attack, said
from collegium.threats.threat_model import ThreatModel

Shape = Callable[[int, int], bytes]
"""Returns a blob in an update's place, for d coordinates and an exponent."""


_CRASH = ThreatModel("validators that fail on an update", ("own",), ("messages", "blobs"))


@dataclass(frozen=True, slots=True)
class MalformingSite:
    """A site that commits to, reveals and serves a blob that is no update of its round."""

    honest: Participant
    place: AdversaryContext
    shape: Shape

    @property
    def name(self) -> str:
        """The honest participant's name."""
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what the site says."""
        due = self.honest.reconcile(view, idle=idle)
        return [self._other(view, one) for one in due] if self.place.acts(view) else due

    def _other(self, view: StudyView, envelope: bytes) -> bytes:
        transaction, who = said(envelope), self.place.identity
        record, registration = view.round, view.registration
        if record is None or registration is None:
            return envelope
        blob = self.shape(registration.parameters, record.exponent)
        at = {"study": view.study, "round": view.number, "attempt": view.attempt}
        salt = who.salt(view.study, view.number, view.attempt)
        if isinstance(transaction, UpdateCommit):
            bound = commitment(
                who.genesis, view.study, view.number, view.attempt, who.member, digest(blob), salt
            )
            return who.sign(UpdateCommit, commitment=to_text(bound), **at)
        if isinstance(transaction, UpdateReveal):
            name = self.place.exchange.view(who.member).publish(blob)
            return who.sign(
                UpdateReveal, digest=to_text(name), salt=to_text(salt), peak=LIMIT, saturated=0,
                **at,
            )  # fmt: skip
        return envelope


@dataclass(frozen=True, slots=True)
class MalformedUpdate:
    """An attack that consists in blobs of a wrong form."""

    name: str
    about: str
    shape: Shape
    grant: ThreatModel = _CRASH
    role: Literal["site", "validator"] = "site"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the site that misshapes its updates."""
        if not isinstance(honest, Site):
            raise TypeError(honest)
        return MalformingSite(honest, place, self.shape)


def _header(size: int, width: int, exponent: int) -> bytes:
    return UPDATE_TAG + struct.pack(">QBh", size, width, exponent)


def _infinite(size: int, exponent: int) -> bytes:
    """Floating-point infinities and what is not a number, in the form that would hold them."""
    values = [float("inf"), float("nan"), float("-inf")]
    return _header(size, 4, exponent) + struct.pack(
        f"<{size}f", *(values[index % 3] for index in range(size))
    )


def _too_long(size: int, exponent: int) -> bytes:
    return _header(size + 1, 2, exponent) + struct.pack(f"<{size + 1}h", *[LIMIT] * (size + 1))


def forbidden(size: int, exponent: int) -> bytes:
    """The one 16-bit integer that has no positive twin."""
    return _header(size, 2, exponent) + struct.pack(f"<{size}h", *[-LIMIT - 1] * size)


NON_FINITE: Attack = MalformedUpdate(
    "non_finite_update", "sends infinities and what is not a number", _infinite
)
MISSHAPED: Attack = MalformedUpdate(
    "misshaped_update", "sends an update with one coordinate too many", _too_long
)
OUT_OF_RANGE: Attack = MalformedUpdate(
    "out_of_range_update", "sends the one integer of 16 bits that an update must not hold",
    forbidden,
)  # fmt: skip
