"""Sites that fall silent, hold back what they committed to, serve bytes of two kinds, or flood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from collegium.federation.in_process_blobs import InProcessBlobs
from collegium.federation.participant import Participant
from collegium.federation.site import Site
from collegium.federation.view import StudyView
from collegium.learning.blobs import digest
from collegium.ledger.contract.transactions import PhaseTimeout, UpdateCommit, UpdateReveal
from collegium.threats.attack import AdversaryContext, Attack, MessageAttack, said
from collegium.threats.threat_model import ThreatModel

FLOOD = 500


def _say_nothing(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    return [one for one in due if not isinstance(said(one), UpdateCommit | UpdateReveal)]


def _withhold(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    return [one for one in due if not isinstance(said(one), UpdateReveal)]


def _flood(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Send everything twice, much that is not allowed, and much that is nothing."""
    junk = [b"{%d}" % number for number in range(FLOOD // 2)]
    refused = [
        place.identity.sign(
            PhaseTimeout, study=view.study, round=number + 1, attempt=1, phase="commit"
        )
        for number in range(FLOOD // 2)
    ]
    return due + due + junk + refused


class TwoFacedBlobs:
    """Gives an update as it is to the first validators, and other bytes to the rest.

    `right` is how many get the right bytes; it satisfies `federation.in_process_blobs.Blobs`.
    """

    def __init__(
        self, exchange: InProcessBlobs, member: str, place: AdversaryContext, right: int
    ) -> None:
        self._exchange = exchange
        self._view = exchange.view(member)
        self._place = place
        self._right = right
        self.acting = False

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        """Serve a blob, differently to different validators while the attack is on."""
        if not self.acting:
            return self._view.publish(data, sync=sync, name=name)
        name = digest(data)
        validators = self._place.validators
        self._exchange.serve(name, data, validators[: self._right])
        other = data[:-1] + bytes((data[-1] ^ 1,))
        self._exchange.serve(name, other, validators[self._right :])
        return name

    def fetch(self, name: bytes) -> bytes | None:
        """Return a blob."""
        return self._view.fetch(name)

    def fetch_all(self, names: Sequence[bytes]) -> list[bytes | None]:
        """Return blobs."""
        return self._view.fetch_all(names)


@dataclass(frozen=True, slots=True)
class _TwoFacedSite:
    honest: Site
    place: AdversaryContext
    blobs: TwoFacedBlobs

    @property
    def name(self) -> str:
        return self.honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        self.blobs.acting = view.round is not None and self.place.acts(view)
        return self.honest.reconcile(view, idle=idle)


_SPLIT = ThreatModel("validators that disagree about one update", ("own",), ("blobs",))


@dataclass(frozen=True, slots=True)
class BlobAttack:
    """An attack that consists in serving different bytes to different validators."""

    name: str
    about: str
    right_share: float
    grant: ThreatModel = _SPLIT
    role: Literal["site", "validator"] = "site"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the two-faced site."""
        if not isinstance(honest, Site):
            raise TypeError(honest)
        right = int(self.right_share * len(place.validators))
        blobs = TwoFacedBlobs(place.exchange, place.identity.member, place, right)
        honest.blobs = blobs
        return _TwoFacedSite(honest, place, blobs)


_STALL = ThreatModel("a round without it, or none at all", ("own",), ("messages",))

SILENT: Attack = MessageAttack("silent_site", "sends no update", _STALL, "site", _say_nothing)
WITHHOLDING: Attack = MessageAttack(
    "withheld_reveal", "commits to an update and never reveals it", _STALL, "site", _withhold
)
FLOODING: Attack = MessageAttack(
    "spammer", "floods the ledger with copies, junk and what is not allowed",
    ThreatModel("a ledger that has no room for others", ("own",), ("messages",)), "site", _flood,
)  # fmt: skip
TWO_FACED: Attack = BlobAttack(
    "two_faced_site", "serves its update to half of the validators, other bytes to the rest", 0.5
)
PARTLY_SERVING: Attack = BlobAttack(
    "partly_served_update", "serves its update to three quarters of the validators", 0.75
)
