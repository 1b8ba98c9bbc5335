"""What the contract did because of a transaction; docs/spec/7-events.md.

Events are hashed into the log with the transaction that caused them. A reader of events alone
can follow a study; `verify` compares them with its own replay.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium import canonical
from collegium.ledger.contract.event import Event as Event
from collegium.ledger.contract.event import RoundEvent as RoundEvent
from collegium.ledger.contract.event import StudyEvent as StudyEvent
from collegium.ledger.contract.group_events import GroupsDrawn as GroupsDrawn
from collegium.ledger.contract.group_events import GroupsLost as GroupsLost
from collegium.ledger.contract.group_events import GroupsRefused as GroupsRefused
from collegium.ledger.contract.sum_events import SumClosed as SumClosed
from collegium.ledger.contract.sum_events import SumGivenUp as SumGivenUp
from collegium.ledger.contract.sum_events import SumOpened as SumOpened
from collegium.ledger.contract.transactions import Action


class StudyRegistered(StudyEvent, frozen=True, kw_only=True, tag="study.registered"):
    """A study exists and waits for its sites."""


class StatisticsAsked(StudyEvent, frozen=True, kw_only=True, tag="statistics.asked"):
    """A step of set-up begins: sites that accepted say what it asks for."""

    step: int


class StatisticsGathered(StudyEvent, frozen=True, kw_only=True, tag="statistics.gathered"):
    """Nothing more is said in a step: validators vote on what follows from these sites' words."""

    attempt: int
    sites: tuple[str, ...]
    step: int


class StatisticsAgreed(StudyEvent, frozen=True, kw_only=True, tag="statistics.agreed"):
    """More than two thirds of the power agree on what follows from a step."""

    agreement: str
    power: int
    step: int


class StatisticsUndecided(StudyEvent, frozen=True, kw_only=True, tag="statistics.undecided"):
    """An attempt at a vote on a step ended without a quorum."""

    attempt: int
    reason: Literal["no-quorum", "timeout"]
    step: int


class StudyBegun(StudyEvent, frozen=True, kw_only=True, tag="study.begun"):
    """The study has its first model over the inputs that were agreed."""

    agreement: str
    model: str
    parameters: int


class RoundOpened(RoundEvent, frozen=True, kw_only=True, tag="round.opened"):
    """A new attempt: who takes part with which weight, from which model, in which encoding.

    `spent` is what each participant's units have lost once they took part: micro-epsilon. `clip`
    is k where the clip 2^(k/8) follows the updates. `reputations` are the participants' as of now,
    in units of 2^-20, where updates are scored.
    """

    clip: int | msgspec.UnsetType = msgspec.UNSET
    design: str
    exponent: int
    model: str
    participants: tuple[str, ...]
    reputations: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    ring: Literal[32, 64]
    spent: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
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


class ScoresCombined(RoundEvent, frozen=True, kw_only=True, tag="scores.combined"):
    """The median of the scorers' scores of each included update, and of the norms they told."""

    members: tuple[str, ...]
    norm: int | msgspec.UnsetType = msgspec.UNSET
    scorers: tuple[str, ...]
    scores: tuple[int, ...]


class ReputationsChanged(RoundEvent, frozen=True, kw_only=True, tag="reputations.changed"):
    """What the scores of a closed round made of the reputations of those who were scored."""

    members: tuple[str, ...]
    reputations: tuple[int, ...]


class MemberDemoted(RoundEvent, frozen=True, kw_only=True, tag="member.demoted"):
    """A site's reputation fell below the study's bound: it loses some weight, or its scores' say.

    It takes part as before: no statistics exclude a member, and members may restore it.
    """

    loses: Literal["scoring", "weight"]
    member: str
    reputation: int


class MemberReinstated(RoundEvent, frozen=True, kw_only=True, tag="member.reinstated"):
    """A demoted site's reputation has come back to a half."""

    member: str
    reputation: int


class RoundClosed(RoundEvent, frozen=True, kw_only=True, tag="round.closed"):
    """More than two thirds of the power agree on the new model."""

    model: str
    parent: str
    power: int


class AttemptFailed(RoundEvent, frozen=True, kw_only=True, tag="attempt.failed"):
    """An attempt ended without a model; the study goes on from the model it has."""

    reason: Literal["too-few", "no-quorum", "withheld", "timeout", "bad-deal", "unscored"]


class DealerBarred(RoundEvent, frozen=True, kw_only=True, tag="dealer.barred"):
    """A member dealt shares that are none, and takes part in this study no more.

    `proof` is "refused" where more than half of the holders could not use them, "opened" where
    the shares that were opened combine to no secret behind the deal.
    """

    member: str
    proof: Literal["opened", "refused"]


class VoteLate(RoundEvent, frozen=True, kw_only=True, tag="vote.late"):
    """A validator's first vote came after the round had closed; recorded without effect."""

    agrees: bool


class TrialClosed(StudyEvent, frozen=True, kw_only=True, tag="trial.closed"):
    """A trial ended; its least voted loss was of `model`, in round `best`. None if it failed."""

    best: int | msgspec.UnsetType = msgspec.UNSET
    model: str | msgspec.UnsetType = msgspec.UNSET
    round: int
    trial: int
    validation: int | msgspec.UnsetType = msgspec.UNSET


class ModelChosen(StudyEvent, frozen=True, kw_only=True, tag="model.chosen"):
    """The model with the least validation loss is final; `round` is the one that measured it."""

    model: str
    round: int
    trial: int
    validation: int


class TestOpened(StudyEvent, frozen=True, kw_only=True, tag="test.opened"):
    """Training is over: sites may now, and only now, open their test parts."""

    model: str


class BudgetExhausted(StudyEvent, frozen=True, kw_only=True, tag="budget.exhausted"):
    """A round is refused: these sites' budgets do not allow it, and too few others are left."""

    members: tuple[str, ...]
    round: int


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
    reason: Literal["too-few", "attempts", "abandoned", "budget"]


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


AnyEvent = (
    StudyRegistered | StatisticsAsked | StatisticsGathered | StatisticsAgreed
    | StatisticsUndecided | StudyBegun
    | RoundOpened | PhaseOpened | UpdatesIncluded | GroupsDrawn | GroupsLost | GroupsRefused
    | ScoresCombined | ReputationsChanged | MemberDemoted | MemberReinstated | RoundClosed
    | AttemptFailed | DealerBarred | VoteLate | SumOpened | SumClosed | SumGivenUp | TrialClosed
    | ModelChosen | TestOpened
    | BudgetExhausted | EvaluationComplete | ModelReleased | ReleaseSkipped | StudyFailed
    | StudyClosed | UpdatesRetired
    | ProposalAccepted | ProposalRefused | MembershipChanged | MemberEquivocated
)  # fmt: skip

Events = tuple[AnyEvent, ...]

_DECODER = msgspec.json.Decoder(Events)
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
