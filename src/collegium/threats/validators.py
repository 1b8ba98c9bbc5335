"""Validators that lie, fall silent, or say two things at once."""

from __future__ import annotations

import msgspec
import numpy as np

from collegium.canonical import from_text, to_text
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState, decode_model, encode_model
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import RoundVote, UpdateAvailable
from collegium.threats.attack import AdversaryContext, Attack, MessageAttack, said
from collegium.threats.threat_model import ThreatModel


def _lie(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Serve another model, and vote for it."""
    twisted = []
    for envelope in due:
        transaction = said(envelope)
        if isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult):
            twisted.append(_vote(place, transaction, transaction.result))
        else:
            twisted.append(envelope)
    return twisted


def _equivocate(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Vote for the right model and for another one."""
    extra = [
        _vote(place, transaction, transaction.result)
        for transaction in map(said, due)
        if isinstance(transaction, RoundVote) and isinstance(transaction.result, ModelResult)
    ]
    return due + extra


def _vanish(place: AdversaryContext, view: StudyView, due: list[bytes]) -> list[bytes]:
    """Say nothing within rounds."""
    return [
        envelope
        for envelope in due
        if view.round is None and not isinstance(said(envelope), RoundVote | UpdateAvailable)
    ]


def _other_model(place: AdversaryContext, model: str) -> bytes:
    """Publish a model with the signs of all parameters turned; return its digest."""
    view = place.exchange.view(place.identity.member)
    data = view.fetch(from_text(model, 32))
    if data is None:
        raise LookupError(model)
    state = decode_model(data)
    flipped: ModelState = ModelState(
        state.tensors,
        np.negative(state.parameters) - np.float32(1),
        state.optimizer,
        state.step,
        state.slots,
    )
    return view.publish(encode_model(flipped))


def _vote(place: AdversaryContext, vote: RoundVote, result: ModelResult) -> bytes:
    """Return a vote for another model that tells of the updates what the right one does."""
    model = to_text(_other_model(place, result.model))
    return place.identity.sign(
        RoundVote, study=vote.study, round=vote.round, attempt=vote.attempt,
        result=msgspec.structs.replace(result, model=model),
    )  # fmt: skip


_FORGE = ThreatModel("a model that no rule made", ("own", "published"), ("messages", "blobs"))

LYING: Attack = MessageAttack(
    "lying_validator", "votes for and serves another model", _FORGE, "validator", _lie
)
EQUIVOCATING: Attack = MessageAttack(
    "equivocating_validator", "votes for two models at once", _FORGE, "validator", _equivocate
)
SILENT: Attack = MessageAttack(
    "silent_validator", "neither attests nor votes",
    ThreatModel("a round without a quorum", ("own",), ("messages",)), "validator", _vanish,
)  # fmt: skip
