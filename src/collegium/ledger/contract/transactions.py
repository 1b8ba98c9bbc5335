"""Every kind of transaction and its fields; docs/spec/6-transactions.md."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium.accounting.terms import PrivacyTerms
from collegium.ledger.contract.changes import Action as Action
from collegium.ledger.contract.changes import Admit as Admit
from collegium.ledger.contract.changes import Expel as Expel
from collegium.ledger.contract.changes import Restore as Restore
from collegium.ledger.contract.changes import Rotate as Rotate
from collegium.ledger.contract.fields import (
    Bitmap,
    Count,
    DecodedDigest,
    Digest,
    EnvelopeText,
    MemberId,
    PhaseName,
    Positive,
    ProposalId,
    Reason,
    Score,
    Step,
    VersionedName,
)
from collegium.ledger.contract.hiding import SecaggBind as SecaggBind
from collegium.ledger.contract.hiding import SecaggDeal as SecaggDeal
from collegium.ledger.contract.hiding import SecaggKeys as SecaggKeys
from collegium.ledger.contract.hiding import SharePost as SharePost
from collegium.ledger.contract.hiding import SumOpen as SumOpen
from collegium.ledger.contract.payload import RoundTransaction as RoundTransaction
from collegium.ledger.contract.payload import StudyTransaction as StudyTransaction
from collegium.ledger.contract.payload import Transaction as Transaction
from collegium.ledger.contract.results import Failure as Failure
from collegium.ledger.contract.results import ModelResult as ModelResult
from collegium.ledger.contract.results import Result as Result
from collegium.ledger.contract.results import SumResult as SumResult
from collegium.study.score_terms import ScoreTerms
from collegium.study.sum_terms import SumTerms


class StudyRegister(StudyTransaction, frozen=True, kw_only=True, tag="study.register"):
    """An owner registers a study: its document, first model, rules and when it gives up.

    `degree`: neighbours a participant masks with, if not all; `participation`: sites take turns;
    `statistics`: steps in which they agree on tables (the first model comes with `study.begin`);
    `threshold`: shares that open a secret; `patience`: rounds without a lower validation loss;
    `scores`: what follows from scores; `selection`: the model with the least voted validation
    loss is final; `trials`: among so many ways of training, each from the first model on.
    `groups`, `fewest_groups`: in how many groups masked updates are summed, and how many a round
    needs; `sum_check`: members commit to what they mask; `keep`: millionths of the coordinates that
    an update has, if not all; `sums`: statistics of which only the sum over sites is known.
    """

    attendance: Literal["quorum", "all"]
    code: Digest
    degree: Positive | msgspec.UnsetType = msgspec.UNSET
    design: VersionedName
    document: Digest
    exponent: Annotated[int, msgspec.Meta(ge=-8, le=30)]
    fewest_groups: Positive | msgspec.UnsetType = msgspec.UNSET
    groups: Positive | msgspec.UnsetType = msgspec.UNSET
    keep: Annotated[int, msgspec.Meta(ge=1, le=999_999)] | msgspec.UnsetType = msgspec.UNSET
    max_attempts: Positive
    min_sites: Positive
    model: Digest
    parameters: Positive
    participation: Literal["cyclic"] | msgspec.UnsetType = msgspec.UNSET
    patience: Positive | msgspec.UnsetType = msgspec.UNSET
    per_round: Positive
    privacy: PrivacyTerms | msgspec.UnsetType = msgspec.UNSET
    rounds: Positive
    rule: VersionedName
    scores: ScoreTerms | msgspec.UnsetType = msgspec.UNSET
    seed: Count
    selection: Literal["best"] | msgspec.UnsetType = msgspec.UNSET
    server: VersionedName
    sites: Annotated[tuple[MemberId, ...], msgspec.Meta(min_length=1, max_length=400)]
    statistics: Step | msgspec.UnsetType = msgspec.UNSET
    sum_check: Literal["pedersen"] | msgspec.UnsetType = msgspec.UNSET
    sums: SumTerms | msgspec.UnsetType = msgspec.UNSET
    threshold: Positive | msgspec.UnsetType = msgspec.UNSET
    trials: Positive | msgspec.UnsetType = msgspec.UNSET
    weights: Literal["rows", "equal"]


class StudyAccept(StudyTransaction, frozen=True, kw_only=True, tag="study.accept"):
    """A site takes part, under this document and code, with this weight and data commitment."""

    code: Digest
    document: Digest
    snapshot: Digest
    weight: Positive


class StatisticsPost(StudyTransaction, frozen=True, kw_only=True, tag="statistics.post"):
    """A site names the blob of what it says of its table in a step of set-up."""

    digest: Digest
    step: Step


class StatisticsVote(StudyTransaction, frozen=True, kw_only=True, tag="statistics.vote"):
    """What follows from a step's statistics for a validator, or why nothing does."""

    agreement: Digest | msgspec.UnsetType = msgspec.UNSET
    attempt: Positive
    fail: Reason | msgspec.UnsetType = msgspec.UNSET


class StudyBegin(StudyTransaction, frozen=True, kw_only=True, tag="study.begin"):
    """The owner names the first model over the inputs that were agreed; round 1 opens."""

    agreement: Digest
    model: Digest
    parameters: Positive


class UpdateCommit(RoundTransaction, frozen=True, kw_only=True, tag="update.commit"):
    """A participant binds itself to an update before anybody sees one.

    Where updates are masked, `deals` says whose deals gave it the shares they committed to, and
    `point` is a Pedersen commitment to what is under the mask, where the study asks for one.
    """

    commitment: DecodedDigest
    deals: Bitmap | msgspec.UnsetType = msgspec.UNSET
    point: Digest | msgspec.UnsetType = msgspec.UNSET


class UpdateReveal(RoundTransaction, frozen=True, kw_only=True, tag="update.reveal"):
    """The update's digest and salt, its largest |x| and its count of saturated coordinates.

    `sealed` names the blob that holds the update for the validators alone, where there is one.
    """

    digest: DecodedDigest
    peak: Annotated[int, msgspec.Meta(ge=0, le=32767)]
    salt: DecodedDigest
    saturated: Count
    sealed: Digest | msgspec.UnsetType = msgspec.UNSET


class UpdateAvailable(RoundTransaction, frozen=True, kw_only=True, tag="update.available"):
    """A validator's bitmap of updates that it holds and found well-formed."""

    bitmap: Bitmap


class ScoreCommit(RoundTransaction, frozen=True, kw_only=True, tag="score.commit"):
    """A validator binds itself to its scores of the included updates before it sees another's."""

    commitment: DecodedDigest


class ScoreReveal(RoundTransaction, frozen=True, kw_only=True, tag="score.reveal"):
    """A validator's score of each included update, in order, and the salt of its commitment.

    A score is a signed number of 2^-20: by how much an update lowers the loss on the validator's
    own rows, or the cosine between the update and one made of these rows, whose length is `norm`.
    """

    norm: Count | msgspec.UnsetType = msgspec.UNSET
    salt: DecodedDigest
    scores: Annotated[tuple[Score, ...], msgspec.Meta(min_length=1, max_length=400)]


class RoundVote(RoundTransaction, frozen=True, kw_only=True, tag="round.vote"):
    """What an attempt comes to for a validator; votes agree if their results are the same."""

    result: Result


class PlaceTransaction(StudyTransaction, frozen=True, kw_only=True):
    """A transaction about where a study stands; round and attempt are 0 outside of rounds."""

    attempt: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    phase: PhaseName
    round: Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class PhaseTimeout(PlaceTransaction, frozen=True, kw_only=True, tag="phase.timeout"):
    """A validator's timer fired. Round and attempt are 0 in the phases outside of rounds."""


class StudyAbandon(PlaceTransaction, frozen=True, kw_only=True, tag="study.abandon"):
    """A validator votes to end a study where it stands; the vote counts in that phase only."""


class EvaluationPost(StudyTransaction, frozen=True, kw_only=True, tag="evaluation.post"):
    """A site's signed statements about the final model and its own local one on its test part."""

    federated: Digest
    local: Digest | msgspec.UnsetType = msgspec.UNSET
    model: Digest


class ModelRelease(StudyTransaction, frozen=True, kw_only=True, tag="model.release"):
    """The owner names the released bundle made of the final model."""

    bundle: Digest
    model: Digest


class StudyClose(StudyTransaction, frozen=True, kw_only=True, tag="study.close"):
    """Any validator ends a study that has nothing left to do."""


class BlobRetire(StudyTransaction, frozen=True, kw_only=True, tag="blob.retire"):
    """A site retires its own updates of a closed study, or a validator votes to retire all.

    `round` 0 stands for every round.
    """

    round: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    updates: Literal["all", "own"]


class MemberPropose(Transaction, frozen=True, kw_only=True, tag="member.propose"):
    """Any member proposes a change of the membership."""

    action: Action
    proposal: ProposalId


class MemberVote(Transaction, frozen=True, kw_only=True, tag="member.vote"):
    """A validator's yes or no to a proposal."""

    approve: bool
    proposal: ProposalId


class EvidenceConflict(Transaction, frozen=True, kw_only=True, tag="evidence.conflict"):
    """Two envelopes that one member signed under one natural key with different payloads."""

    first: EnvelopeText
    second: EnvelopeText


AnyTransaction = (
    StudyRegister | StudyAccept | StatisticsPost | StatisticsVote | StudyBegin | SecaggBind
    | SecaggKeys | SecaggDeal | UpdateCommit | UpdateReveal | UpdateAvailable | ScoreCommit
    | ScoreReveal | SharePost | SumOpen | RoundVote
    | PhaseTimeout | StudyAbandon | EvaluationPost | ModelRelease | StudyClose | BlobRetire
    | MemberPropose | MemberVote | EvidenceConflict
)  # fmt: skip


def kind_of(transaction: Transaction) -> str:
    """Return a transaction's kind, such as ``round.vote``."""
    return str(transaction.__struct_config__.tag)


def natural_key(transaction: Transaction) -> tuple[str, ...]:
    """Return what a member may say only once: with the member's id, a transaction's natural key."""
    fields = ("study", "round", "attempt", "phase", "proposal", "updates", "step")
    values = (getattr(transaction, field, None) for field in fields)
    return (kind_of(transaction), *(str(value) for value in values if value is not None))
