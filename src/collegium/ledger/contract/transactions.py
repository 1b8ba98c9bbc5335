"""Every kind of transaction and its fields; docs/spec/6-transactions.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from collegium.ledger.contract.changes import Action as Action
from collegium.ledger.contract.changes import Admit as Admit
from collegium.ledger.contract.changes import Adopt as Adopt
from collegium.ledger.contract.changes import Expel as Expel
from collegium.ledger.contract.changes import Rotate as Rotate
from collegium.ledger.contract.declared import Parts, mechanisms, parts_type, union_of
from collegium.ledger.contract.encoding import LARGEST_UPDATE, MOST_ROOM
from collegium.ledger.contract.fields import (
    Bitmap,
    Count,
    DecodedDigest,
    Digest,
    EnvelopeText,
    MemberId,
    ModuleName,
    PhaseName,
    Positive,
    ProposalId,
    VersionedName,
)
from collegium.ledger.contract.payload import RoundTransaction as RoundTransaction
from collegium.ledger.contract.payload import StudyTransaction as StudyTransaction
from collegium.ledger.contract.payload import Transaction as Transaction
from collegium.ledger.contract.results import Result

if TYPE_CHECKING:
    Terms = Parts
    CommitParts = Parts
else:
    Terms = parts_type("terms")
    CommitParts = parts_type("commit")


class StudyRegister(StudyTransaction, frozen=True, kw_only=True, tag="study.register"):
    """An owner registers a study: its document, first model, rules and when it gives up.

    `modules` are the mechanisms that it uses, sorted, and `terms` what it says of them.
    `participation`: sites take turns. `largest_share`: of a round's weight, in thousandths.
    """

    attendance: Literal["quorum", "all"]
    code: Digest
    document: Digest
    exponent: Annotated[int, msgspec.Meta(ge=-8, le=30)]
    largest_share: Annotated[int, msgspec.Meta(ge=1, le=1000)] | msgspec.UnsetType = msgspec.UNSET
    max_attempts: Positive
    min_sites: Positive
    model: Digest
    modules: Annotated[tuple[ModuleName, ...], msgspec.Meta(min_length=1, max_length=32)]
    parameters: Positive
    participation: Literal["cyclic"] | msgspec.UnsetType = msgspec.UNSET
    per_round: Positive
    rounds: Positive
    rule: VersionedName
    seed: Count
    server: VersionedName
    sites: Annotated[tuple[MemberId, ...], msgspec.Meta(min_length=1, max_length=400)]
    terms: Terms | msgspec.UnsetType = msgspec.UNSET
    weights: Literal["rows", "equal"]


class StudyAccept(StudyTransaction, frozen=True, kw_only=True, tag="study.accept"):
    """A site takes part, under this document and code, with this weight and data commitment."""

    code: Digest
    document: Digest
    snapshot: Digest
    weight: Positive


class UpdateCommit(RoundTransaction, frozen=True, kw_only=True, tag="update.commit"):
    """A participant binds itself to an update before anybody sees one."""

    commitment: DecodedDigest
    parts: CommitParts | msgspec.UnsetType = msgspec.UNSET


class UpdateReveal(RoundTransaction, frozen=True, kw_only=True, tag="update.reveal"):
    """The update's digest and salt, its largest |x| and its count of saturated coordinates.

    The former is in units of the round's encoding; coordinates are saturated where they may have
    been cut off: those of largest magnitude in the coarsest steps that the round has room for.

    `sealed` names the blob that holds the update for the validators alone, where there is one.
    """

    digest: DecodedDigest
    peak: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_UPDATE << MOST_ROOM)]
    salt: DecodedDigest
    saturated: Count
    sealed: Digest | msgspec.UnsetType = msgspec.UNSET


class UpdateAvailable(RoundTransaction, frozen=True, kw_only=True, tag="update.available"):
    """A validator's bitmap of updates that it holds and found well-formed."""

    bitmap: Bitmap


class RoundVote(RoundTransaction, frozen=True, kw_only=True, tag="round.vote"):
    """What an attempt leads to, as a validator has recomputed it."""

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


class MemberHere(PlaceTransaction, frozen=True, kw_only=True, tag="member.here"):
    """A member that was silent in a phase is there again: it is waited for from now on."""


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


class MemberReturn(Transaction, frozen=True, kw_only=True, tag="member.return"):
    """A validator that does not know what it has cosigned begins anew: 32 random bytes."""

    nonce: Digest


class EvidenceConflict(Transaction, frozen=True, kw_only=True, tag="evidence.conflict"):
    """Two envelopes that one member signed under one natural key with different payloads."""

    first: EnvelopeText
    second: EnvelopeText


KERNEL: tuple[type[Transaction], ...] = (
    StudyRegister, StudyAccept, UpdateCommit, UpdateReveal, UpdateAvailable, RoundVote,
    PhaseTimeout, StudyAbandon, MemberHere, EvaluationPost, ModelRelease, StudyClose, BlobRetire,
    MemberPropose, MemberVote, MemberReturn, EvidenceConflict,
)  # fmt: skip
"""Transactions that every ledger knows; mechanisms have more."""

AnyTransaction: Any = union_of(KERNEL, "transactions")

KEY_FIELDS = ("study", "round", "attempt", "phase", "proposal", "updates", "nonce")
"""Fields that are part of a natural key in whichever transaction has them."""

_MORE_FIELDS = {kind: one.key_fields for one in mechanisms().values() for kind in one.transactions}


def kind_of(transaction: Transaction | type[Transaction]) -> str:
    """Return a transaction's kind, such as ``round.vote``."""
    return str(transaction.__struct_config__.tag)


def natural_key(transaction: Transaction) -> tuple[str, ...]:
    """Return what a member may say only once: with the member's id, a transaction's natural key."""
    fields = (*KEY_FIELDS, *_MORE_FIELDS.get(type(transaction), ()))
    values = (getattr(transaction, field, None) for field in fields)
    return (kind_of(transaction), *(str(value) for value in values if value is not None))
