"""What is due from a member as a study stands, as a participant's program would see it."""

from __future__ import annotations

from typing import Any

from tests.ledger.contract.invariants import table_at
from tests.ledger.contract.kit import World, digest
from tests.ledger.contract.moves import (
    acceptance,
    bind_fields,
    bitmap,
    commit_fields,
    current,
    fellows,
    for_model,
    here,
    included,
    is_masked_now,
    keys_fields,
    model_now,
    participants,
    reveal_fields,
    round_of,
    score_fields,
    sound_deals,
    status_of,
)

from collegium.canonical import to_text
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    ModelRelease,
    RoundVote,
    StudyAccept,
    StudyClose,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.mechanisms.dealing.rules import sound_for
from collegium.mechanisms.dealing.terms import Indicators, SecaggDeal, SecaggKeys
from collegium.mechanisms.groups.terms import SecaggBind
from collegium.mechanisms.scores.terms import ScoreCommit, ScoreReveal
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.threshold_he.terms import SumOpen


def duty(
    world: World, who: str, study: str, model: str, held: set[str]
) -> tuple[type[Transaction], dict[str, Any]]:
    """Return kind and fields of what a member says next, asked or not.

    A validator attests those revealed updates whose blobs it holds, and votes for a label.
    """
    phase = phase_of(world, study)
    final: dict[str, Any] = {"study": study, "model": model_now(world, study)}
    if phase == "setup":
        return StudyAccept, acceptance(study)
    if phase == "evaluation":
        return EvaluationPost, {**final, "federated": digest(who)}
    if phase == "release":
        return ModelRelease, {**final, "bundle": digest("bundle")}
    if phase in ("closing", "closed"):
        return StudyClose, {"study": study}
    at = here(world, study)
    masked = is_masked_now(world, study)
    if phase == "sa.bind":
        return SecaggBind, bind_fields(world, who, at)
    if phase == "sa.keys":
        return SecaggKeys, keys_fields(who, at)
    if phase == "sa.deal":
        return SecaggDeal, {**at, "digest": digest(f"deal of {who}")}
    if phase == "commit":
        fields = commit_fields(world, who, at)
        if masked:  # whose updates one holds stands for whose deals are sound as well
            inside = held.intersection(fellows(world, who, study))
            fields |= sound_deals(world, inside, study)
        return UpdateCommit, fields
    if phase == "reveal":
        return UpdateReveal, reveal_fields(who, at, peak=0 if masked else 20000)
    if phase == "share":
        sound = sound_for(round_of(world, study), who)
        return SharePost, {**at, "shares": to_text(bytes(32 * max(1, len(sound))))}
    if phase == "open":
        return SumOpen, {**at, "digest": digest(f"share of {who}")}
    if phase == "available":
        revealed = revealed_in(world, study, at["round"], at["attempt"])
        everybody = participants(world, study)
        return UpdateAvailable, {**at, "bitmap": bitmap(everybody, revealed & held)}
    if phase in ("score.commit", "score.reveal"):
        scores = [100 if name in held else -100 for name in included(world, study)]
        committed, opened = score_fields(world, who, scores, at)
        return (ScoreCommit, committed) if phase == "score.commit" else (ScoreReveal, opened)
    told = [Indicators(saturated=0, small=1)] if masked else []
    return RoundVote, {**at, **for_model(model, *told)}


def timer(world: World, study: str) -> dict[str, Any]:
    """Return the fields of a timer for whatever phase a study is in."""
    if status_of(world, study).phase == "rounds":
        return {**here(world, study), "phase": phase_of(world, study)}
    return {"study": study, "round": 0, "attempt": 0, "phase": phase_of(world, study)}


def phase_of(world: World, study: str) -> str:
    """Return a study's phase, within a round the round's."""
    phase = status_of(world, study).phase
    return current(world, study).phase if phase == "rounds" else phase


def revealed_in(world: World, study: str, number: int, attempt: int) -> set[str]:
    """Return who has revealed in an attempt."""
    reveals = table_at(world.state, "studies", study, "rounds", f"{number:08d}", "reveals")
    prefix = f"{attempt:04d}/"
    return {key.removeprefix(prefix) for key in reveals if key.startswith(prefix)}
