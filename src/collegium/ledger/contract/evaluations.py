"""After training: the sites' signed statements, and the release of the final model."""

from __future__ import annotations

import msgspec

from collegium.canonical import from_text
from collegium.ledger.contract import budgets, members, rounds
from collegium.ledger.contract.entering import BEFORE, OPEN
from collegium.ledger.contract.events import (
    EvaluationComplete,
    Event,
    ModelReleased,
    ReleaseSkipped,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import (
    Acceptance,
    EvaluationRecord,
    StudyStatus,
    study_path,
)
from collegium.ledger.contract.transactions import EvaluationPost, ModelRelease
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.state import State


def post(state: State, sender: str, tx: EvaluationPost) -> list[Event]:
    """Record the digests of a site's statements about the final model.

    Raises:
        Rejected: not in the evaluation, not a site that accepted, said already, another model.
    """
    record, status = rounds.study_of(state, tx.study)
    sites = study_path(tx.study, "sites")
    if state.record(sites, sender, Acceptance) is None:
        raise Rejected("not-a-participant", f"{sender} takes no part in the study")
    table = study_path(tx.study, "evaluations")
    if state.get(table, sender) is not None:
        raise Rejected("already", f"{sender} has posted its statement")
    if status.phase != "evaluation":
        early = status.phase in (*BEFORE, *OPEN)
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    if tx.model != status.model:
        raise Rejected("refused", "the statement is about another model than the final one")
    from_text(tx.federated, DIGEST_SIZE, "a statement's digest")
    if tx.local is not msgspec.UNSET:
        from_text(tx.local, DIGEST_SIZE, "a statement's digest")
    state.put(table, sender, EvaluationRecord(federated=tx.federated, local=tx.local))
    budgets.evaluated(state, tx.study, record, sender)
    awaited = (
        name
        for name, _ in state.items(sites)
        if state.get(table, name) is None and members.active_member(state, name) is not None
    )
    return [] if any(awaited) else complete(state, tx.study, status)


def complete(state: State, study: str, status: StudyStatus) -> list[Event]:
    """End the evaluation; the owner's release is what is left."""
    rounds.set_status(state, study, rounds.changed(status, phase="release"))
    posted = state.count(study_path(study, "evaluations"))
    return [EvaluationComplete(study=study, posted=posted)]


def skip_release(state: State, study: str, status: StudyStatus) -> list[Event]:
    """Stop waiting for the owner's release; the study can be closed without one."""
    rounds.set_status(state, study, rounds.changed(status, phase="closing"))
    return [ReleaseSkipped(study=study)]


def release(state: State, sender: str, tx: ModelRelease) -> list[Event]:
    """Record the bundle that the owner made of the final model.

    Raises:
        Rejected: not the owner, not its time, or another model.
    """
    record, status = rounds.study_of(state, tx.study)
    if sender != record.owner:
        raise Rejected("role", "only the study's owner releases its model")
    if status.bundle is not msgspec.UNSET:
        raise Rejected("already", "the model is released")
    if status.phase != "release":
        early = status.phase in (*BEFORE, *OPEN, "evaluation")
        raise Rejected("early" if early else "stale", f"the study is in {status.phase}")
    if tx.model != status.model:
        raise Rejected("refused", "the release is of another model than the final one")
    from_text(tx.bundle, DIGEST_SIZE, "a bundle's digest")
    rounds.set_status(state, tx.study, rounds.changed(status, phase="closing", bundle=tx.bundle))
    return [ModelReleased(study=tx.study, bundle=tx.bundle)]
