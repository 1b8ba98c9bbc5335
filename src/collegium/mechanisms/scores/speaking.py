"""A validator in the phases of scores: it commits to what it says of updates, then says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState
from collegium.mechanisms.scores.score_medians import ScoreRecord, commitment
from collegium.mechanisms.scores.scorer import Scorer
from collegium.mechanisms.scores.terms import ScoreCommit, ScoreReveal


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a validator with rows of its own scores with.

    Attributes:
        scorer: knows the rows.
        kept: where scores are written before they are committed to: another machine, or another
            release, might round a loss otherwise.
    """

    scorer: Scorer
    kept: WriteOnce

    def commit(
        self,
        identity: Identity,
        view: StudyView,
        start: ModelState,
        updates: Mapping[str, Contribution],
    ) -> bytes:
        """Return the commitment to scores of the open attempt's updates."""
        exponent = 0 if view.round is None else view.round.exponent
        made = self.scorer.scored(
            view.number,
            start.parameters,
            exponent,
            {name: one.values for name, one in updates.items()},
        )
        kept = self.kept.put(_key(identity, view), canonical.encode(made))
        return commit_to(identity, view, msgspec.json.decode(kept, type=ScoreRecord))

    def reveal(self, identity: Identity, view: StudyView) -> bytes | None:
        """Return the reveal of what was committed to; None where it is lost."""
        kept = self.kept.get(_key(identity, view))
        return (
            None
            if kept is None
            else tell(identity, view, msgspec.json.decode(kept, type=ScoreRecord))
        )


def commit_to(identity: Identity, view: StudyView, scored: ScoreRecord) -> bytes:
    """Return the signed commitment to scores."""
    place = (view.study, view.number, view.attempt)
    value = commitment(
        identity.genesis, *place, identity.member, scored, identity.score_salt(*place)
    )
    return identity.sign(
        ScoreCommit, study=view.study, round=view.number, attempt=view.attempt,
        commitment=to_text(value),
    )  # fmt: skip


def tell(identity: Identity, view: StudyView, scored: ScoreRecord) -> bytes:
    """Return the signed scores."""
    salt = identity.score_salt(view.study, view.number, view.attempt)
    return identity.sign(
        ScoreReveal, study=view.study, round=view.number, attempt=view.attempt,
        norm=scored.norm, scores=scored.scores, salt=to_text(salt),
    )  # fmt: skip


def _key(identity: Identity, view: StudyView) -> OutboxKey:
    return OutboxKey(identity.genesis, "scores", view.study, view.number, view.attempt)
