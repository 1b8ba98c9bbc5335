"""What the contract did because of a transaction; docs/spec/7-events.md.

Events are hashed into the log with the transaction that caused them. A reader of events alone
can follow a study; `verify` compares them with its own replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from collegium import canonical
from collegium.ledger.contract.declared import Parts, parts_type, union_of
from collegium.ledger.contract.event import Event as Event
from collegium.ledger.contract.event import RoundEvent as RoundEvent
from collegium.ledger.contract.event import StudyEvent as StudyEvent
from collegium.ledger.contract.transactions import Action

if TYPE_CHECKING:
    OpenedParts = Parts
else:
    OpenedParts = parts_type("opened")


class StudyRegistered(StudyEvent, frozen=True, kw_only=True, tag="study.registered"):
    """A study exists and waits for its sites."""


class RoundOpened(RoundEvent, frozen=True, kw_only=True, tag="round.opened"):
    """A new attempt: who takes part with which weight, from which model, in which encoding.

    `room` is how many bits beyond 16 updates may take, absent for none.
    """

    design: str
    exponent: int
    model: str
    participants: tuple[str, ...]
    parts: OpenedParts | msgspec.UnsetType = msgspec.UNSET
    ring: Literal[32, 64]
    room: int | msgspec.UnsetType = msgspec.UNSET
    validators: tuple[str, ...]
    powers: tuple[int, ...]
    weights: tuple[int, ...]


class PhaseOpened(RoundEvent, frozen=True, kw_only=True, tag="phase.opened"):
    """An attempt reached its next phase; `timed_out` says that the last one did not complete."""

    phase: str
    timed_out: bool


class UpdatesIncluded(RoundEvent, frozen=True, kw_only=True, tag="updates.included"):
    """The contract fixed whose updates are aggregated, in order of the participant list."""

    members: tuple[str, ...]


class RoundClosed(RoundEvent, frozen=True, kw_only=True, tag="round.closed"):
    """More than two thirds of the power agree on the new model."""

    model: str
    parent: str
    power: int


class AttemptFailed(RoundEvent, frozen=True, kw_only=True, tag="attempt.failed"):
    """An attempt ended without a model; the study goes on from the model it has."""

    reason: str


class VoteLate(RoundEvent, frozen=True, kw_only=True, tag="vote.late"):
    """A validator's first vote came after the round had closed; recorded without effect."""

    agrees: bool


class MembersSilent(StudyEvent, frozen=True, kw_only=True, tag="members.silent"):
    """Timers ended a phase without these members: the study waits for them no more."""

    attempt: int
    members: tuple[str, ...]
    phase: str
    round: int


class MembersSkipped(StudyEvent, frozen=True, kw_only=True, tag="members.skipped"):
    """A round opens, or a sum, in which these sites have no part since they were silent."""

    members: tuple[str, ...]
    round: int


class MemberBack(StudyEvent, frozen=True, kw_only=True, tag="member.back"):
    """A member that was silent in a phase has said that it is there."""

    member: str
    phase: str


class TestOpened(StudyEvent, frozen=True, kw_only=True, tag="test.opened"):
    """Training is over: sites may now, and only now, open their test parts."""

    model: str


class EvaluationComplete(StudyEvent, frozen=True, kw_only=True, tag="evaluation.complete"):
    """Every site posted its statement, or a quorum's timers fired."""

    posted: int


class ModelReleased(StudyEvent, frozen=True, kw_only=True, tag="model.released"):
    """The bundle of the final model is named for good."""

    bundle: str


class ReleaseSkipped(StudyEvent, frozen=True, kw_only=True, tag="release.skipped"):
    """A quorum waits no longer for the owner to release the model."""


class StudyFailed(StudyEvent, frozen=True, kw_only=True, tag="study.failed"):
    """The study cannot meet its terms; `model` is the last good one."""

    model: str
    reason: str


class StudyClosed(StudyEvent, frozen=True, kw_only=True, tag="study.closed"):
    """The study's history ends."""

    model: str
    outcome: Literal["completed", "failed"]


class UpdatesRetired(StudyEvent, frozen=True, kw_only=True, tag="updates.retired"):
    """Updates of these members, of one round or of every one (0), are kept no longer."""

    members: tuple[str, ...]
    round: int


class ProposalAccepted(Event, frozen=True, kw_only=True, tag="proposal.accepted"):
    """A change of the membership has its quorum."""

    proposal: str


class ProposalRefused(Event, frozen=True, kw_only=True, tag="proposal.refused"):
    """A change of the membership can no longer reach a quorum."""

    proposal: str


class MembershipChanged(Event, frozen=True, kw_only=True, tag="membership.changed"):
    """An accepted change took effect: a key at once, anything else between rounds."""

    action: Action
    proposal: str


class MemberEquivocated(Event, frozen=True, kw_only=True, tag="member.equivocated"):
    """Proven by two signatures: a member said two things where it may say one."""

    kind: str
    member: str


KERNEL: tuple[type[Event], ...] = (
    StudyRegistered, RoundOpened, PhaseOpened, UpdatesIncluded, RoundClosed, AttemptFailed,
    VoteLate, MembersSilent, MembersSkipped, MemberBack, TestOpened, EvaluationComplete,
    ModelReleased, ReleaseSkipped, StudyFailed, StudyClosed, UpdatesRetired, ProposalAccepted,
    ProposalRefused, MembershipChanged, MemberEquivocated,
)  # fmt: skip
"""Events that every ledger knows; mechanisms have more."""

Events = tuple[Event, ...]

_DECODER: msgspec.json.Decoder[Events] = msgspec.json.Decoder(
    tuple[union_of(KERNEL, "events"), ...]  # type: ignore[misc]
)
_NOTHING = b"[]"


def encode_events(events: Events) -> bytes:
    """Return the canonical bytes of a list of events."""
    return canonical.encode(events) if events else _NOTHING


def decode_events(data: bytes) -> Events:
    """Decode a list of events.

    Raises:
        FormatError: the bytes are not canonical, or hold an event of no known kind.
    """
    return canonical.decode(data, _DECODER, "a list of events")
