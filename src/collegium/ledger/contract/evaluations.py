"""After training: the sites' signed statements, and the release of the final model."""

from __future__ import annotations

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import silence
from collegium.ledger.contract.context import StudyAt
from collegium.ledger.contract.declared import before_rounds
from collegium.ledger.contract.events import (
    EvaluationComplete,
    Event,
    ModelReleased,
    ReleaseSkipped,
)
from collegium.ledger.contract.preconditions import OPEN, study_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import each
from collegium.ledger.contract.tables import Acceptance, EvaluationRecord
from collegium.ledger.contract.transactions import EvaluationPost, ModelRelease
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State


def post(state: State, sender: str, tx: EvaluationPost) -> list[Event]:
    """Record the digests of a site's statements about the final model.

    Raises:
        Rejected: not in the evaluation, not a site that accepted, said already, another model.
    """
    course = study_of(state, tx.study)
    status, sites = course.status, course.table("sites")
    if state.record(sites, sender, Acceptance) is None:
        raise Rejected("not-a-participant", f"{sender} takes no part in the study")
    table = course.table("evaluations")
    if state.get(table, sender) is not None:
        raise Rejected("already", f"{sender} has posted its statement")
    if status.phase != "evaluation":
        early = status.phase in (*before_rounds(course.record.modules), *OPEN)
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    if tx.model != status.model:
        raise Rejected("refused", "the statement is about another model than the final one")
    from_text(tx.federated, DIGEST_SIZE, "a statement's digest")
    if tx.local is not msgspec.UNSET:
        from_text(tx.local, DIGEST_SIZE, "a statement's digest")
    state.put(table, sender, EvaluationRecord(federated=tx.federated, local=tx.local))
    for evaluated in each(course.record.modules, lambda rules: rules.evaluated):
        evaluated(course, sender)
    awaited = (name for name in state.names(sites) if not state.has(table, name))
    return [] if silence.awaits(course, awaited, state.count(table)) else complete(course)


def complete(course: StudyAt) -> list[Event]:
    """End the evaluation; the owner's release is what is left."""
    course.move(phase="release")
    posted = course.state.count(course.table("evaluations"))
    return [EvaluationComplete(study=course.study, posted=posted)]


def skip_release(course: StudyAt) -> list[Event]:
    """Stop waiting for the owner's release; the study can be closed without one."""
    course.move(phase="closing")
    return [ReleaseSkipped(study=course.study)]


def release(state: State, sender: str, tx: ModelRelease) -> list[Event]:
    """Record the bundle that the owner made of the final model.

    Raises:
        Rejected: not the owner, not its time, or another model.
    """
    course = study_of(state, tx.study)
    status = course.status
    if sender != course.record.owner:
        raise Rejected("role", "only the study's owner releases its model")
    if status.bundle is not msgspec.UNSET:
        raise Rejected("already", "the model is released")
    if status.phase != "release":
        early = status.phase in (*before_rounds(course.record.modules), *OPEN, "evaluation")
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    if tx.model != status.model:
        raise Rejected("refused", "the release is of another model than the final one")
    from_text(tx.bundle, DIGEST_SIZE, "a bundle's digest")
    course.move(phase="closing", bundle=tx.bundle)
    return [ModelReleased(study=tx.study, bundle=tx.bundle)]
