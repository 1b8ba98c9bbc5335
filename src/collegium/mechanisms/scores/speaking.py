"""A validator in the phases of scores: it commits to what it says of updates, then says it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.errors import FormatError
from collegium.federation.identity import Identity
from collegium.federation.outbox import OutboxKey
from collegium.federation.speaking import Speaker, Speaking, serve_scarce
from collegium.federation.view import StudyView
from collegium.mechanisms.scores.score_medians import ScoreRecord, commitment
from collegium.mechanisms.scores.scorer import Scorer, root_scorer
from collegium.mechanisms.scores.terms import MECHANISM, ScoreCommit, ScoreReveal
from collegium.resolving.resolved import Lacking
from collegium.study.document import Study


def scorer_of(speaker: Speaker) -> Scorer | None:
    """Return what a validator scores with; None where it has reserved no rows."""
    roots = speaker.reserved.get(MECHANISM.name)
    return None if roots is None else root_scorer(roots, speaker.identity.member)


def commit(
    speaker: Speaker, view: StudyView, scorer: Callable[[Speaker], Scorer | None] = scorer_of
) -> list[bytes]:
    """Return the commitment to scores of the open attempt's updates; none without rows.

    The scores are kept before they are committed to: another machine, or another release, might
    round a loss otherwise.
    """
    scores, here = scorer(speaker), view.here
    if scores is None or here is None or speaker.read is None:
        return []
    serve_scarce(view, speaker.blobs)
    try:
        start, updates = speaker.read.model(here.model), speaker.read.updates(here)
    except (FormatError, Lacking):
        return []
    values = {name: one.units for name, one in zip(here.included, updates, strict=True)}
    made = scores(view.number, start.parameters, here.exponent, values)
    kept = speaker.outbox.put(_key(speaker.identity, view), canonical.encode(made))
    return [commit_to(speaker.identity, view, msgspec.json.decode(kept, type=ScoreRecord))]


def _reveal(speaker: Speaker, view: StudyView) -> list[bytes]:
    """Return the reveal of what was committed to; none where that is lost."""
    kept = speaker.outbox.get(_key(speaker.identity, view))
    if kept is None or not view.has_spoken("score_commits", speaker.identity.member):
        return []
    return [tell(speaker.identity, view, msgspec.json.decode(kept, type=ScoreRecord))]


def _reserves(study: Study, rows: SiteRows) -> tuple[SiteRows, SiteRows] | None:
    scores = study.aggregation.scores
    return None if scores is None else split(rows, scores.root, study.study.seed)


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


SPEAKING = Speaking(
    validators={"score.commit": commit, "score.reveal": _reveal}, reserves=_reserves
)
