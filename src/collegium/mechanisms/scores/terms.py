"""What is said of scores and reputations on the ledger; docs/spec/18-scores.md."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from collegium.ledger.contract.event import RoundEvent
from collegium.ledger.contract.fields import Count, DecodedDigest, MemberId, Score, StudyId
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction

UNIT = 1 << 20
"""A score of 1, and a reputation of 1."""

LARGEST_SCORE = 1 << 40
"""The magnitude beyond which a score is no worse, and no better."""


class ScoreTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scores as registered; docs/spec/18-scores.md.

    Attributes:
        by: by how much an update lowers a validator's "loss", or its "direction" beside one that
            the validator made itself.
        demote: the reputation below which a site is demoted; 0: nobody is.
        demotion: what a demoted site loses: half of its "weight", or that its own scores count
            ("scoring"). Nothing takes more: no statistics exclude a member.
        threshold: a score of at least that much speaks for a site, one below it against it.
    """

    by: Literal["direction", "loss"]
    demote: Annotated[int, msgspec.Meta(ge=0, le=UNIT // 2)]
    demotion: Literal["scoring", "weight"]
    threshold: Annotated[int, msgspec.Meta(ge=-LARGEST_SCORE, le=LARGEST_SCORE)]


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


class Reputations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of an opening round: the participants' reputations as of now, in units of 2^-20."""

    values: tuple[int, ...]


class Restore(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="restore"
):
    """Proposed: a member's standing in a study as at its start; scores demote it there no more."""

    member: MemberId
    study: StudyId


class ScoresCombined(RoundEvent, frozen=True, kw_only=True, tag="scores.combined"):
    """The median of the scorers' scores of each included update, and of the norms they told."""

    members: tuple[str, ...]
    norm: int | msgspec.UnsetType = msgspec.UNSET
    scorers: tuple[str, ...]
    scores: tuple[int, ...]

    def worth(self) -> dict[str, int]:
        """Return the scores by member; it satisfies `TellsWorth`."""
        return dict(zip(self.members, self.scores, strict=True))


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


MECHANISM = Mechanism(
    "scores", 1,
    parts={"terms": ScoreTerms, "opened": Reputations},
    transactions=(ScoreCommit, ScoreReveal),
    events=(ScoresCombined, ReputationsChanged, MemberDemoted, MemberReinstated),
    actions=(Restore,),
    phases=(
        Phase("score.commit", "scorers", "score.commit", "score_commits", 60),
        Phase("score.reveal", "scorers", "score.reveal", "scores", 70),
    ),
    requires=("plain",),
)  # fmt: skip
