"""What a member does for a transaction, counted: training, bytes, operations of cryptography.

It follows from the study, the ledger's state and the sizes of blobs, never from what this process
has done or kept: a run that goes on counts alike. A mechanism counts its own in a file `counting`,
which names its `COUNTS`. What is not counted: reading the ledger, and the store's own end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from collegium.canonical import to_text
from collegium.devices.work import Work
from collegium.federation.view import StudyView
from collegium.learning.algorithms.local_round import tuning
from collegium.learning.models import ModelSpec, forward_flops
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import (
    EvaluationPost,
    ModelRelease,
    RoundTransaction,
    RoundVote,
    StudyAccept,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
)
from collegium.plugins import aspects
from collegium.resolving.attempt import Attempt, blob_of
from collegium.study.document import Study
from collegium.study.searching import at_round, in_trial

BACK = 3.0
"""Training takes as many times what the way forward takes: the way back has two products a weight
(Kaplan et al., "Scaling Laws for Neural Language Models", 2020, section 2.1)."""

_DIGEST = 43
"""Letters of a digest on the ledger."""


@dataclass(frozen=True, slots=True)
class Case:
    """A member that is about to say something.

    Attributes:
        study: the document.
        spec: its model.
        member: who it is.
        view: the ledger's word.
        rows: training and test rows of the member.
        reserved: rows that the member keeps for mechanisms, by their names.
        size: bytes of a blob by its digest's text; 0 of one that is none.
        on_chain: whether what transactions name travels in blocks.
    """

    study: Study
    spec: ModelSpec
    member: str
    view: StudyView
    rows: tuple[int, int]
    reserved: Mapping[str, int]
    size: Callable[[str], int]
    on_chain: bool

    @property
    def validates(self) -> bool:
        """Whether the member recomputes models, so that it need not fetch them."""
        return self.member in self.view.validators

    @property
    def here(self) -> Attempt:
        """The open attempt.

        Raises:
            LookupError: none is open.
        """
        if self.view.here is None:
            raise LookupError(self.view.study)
        return self.view.here

    def in_time(self, transaction: RoundTransaction) -> bool:
        """Return whether a transaction is of the open attempt."""
        here = (self.view.number, self.view.attempt)
        return self.view.here is not None and here == (transaction.round, transaction.attempt)

    @property
    def parameters(self) -> int:
        """How many coordinates an update has."""
        registration = self.view.registration
        return 0 if registration is None else registration.parameters

    def training(self, rows: int, epochs: float) -> float:
        """Return the operations of so many epochs over so many rows."""
        return BACK * forward_flops(self.spec) * rows * epochs

    def fetched(self, digest: str) -> int:
        """Return the bytes of a blob that a transaction named, 0 where a block had brought it."""
        return 0 if self.on_chain and self.validates else self.size(digest)


Counts = Callable[[Case, Transaction], Work | None]
"""Returns what a member does for a transaction because of a mechanism; None for nothing."""


@cache
def _of_mechanisms() -> Mapping[str, Counts]:
    return {name: one.COUNTS for name, one in aspects("counting").items()}


def named_bytes(case: Case, transaction: Transaction) -> int:
    """Return the bytes of the blobs that a transaction names, but for a model of others."""
    known = transaction.model if isinstance(transaction, EvaluationPost | ModelRelease) else ""
    names = dict.fromkeys(_texts(msgspec.to_builtins(transaction)))
    return sum(case.size(one) for one in names if len(one) == _DIGEST and one != known)


def work_of(case: Case, transaction: Transaction) -> Work:
    """Return what a member does before a transaction of its own is there.

    Of one that comes after its attempt, only what it brings is known.
    """
    brought = 0 if case.on_chain else named_bytes(case, transaction)
    total = Work(up=brought, operations={"signature": 1, "hashed_byte": brought})
    if isinstance(transaction, RoundTransaction) and not case.in_time(transaction):
        return total
    total += _of_kernel(case, transaction)
    registration = case.view.registration
    modules = () if registration is None else registration.modules
    for name, counts in _of_mechanisms().items():
        if any(one.partition("@")[0] == name for one in modules):
            total += counts(case, transaction) or Work()
    return total


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _of_kernel(case: Case, transaction: Transaction) -> Work:
    if isinstance(transaction, StudyAccept):
        return _accept(case)
    if isinstance(transaction, UpdateCommit):
        return _commit(case)
    if isinstance(transaction, UpdateAvailable):
        return _available(case)
    if isinstance(transaction, RoundVote):
        return _vote(case, transaction)
    return _evaluate(case, transaction) if isinstance(transaction, EvaluationPost) else Work()


def _accept(case: Case) -> Work:
    registration = case.view.registration
    if registration is None or registration.owner == case.member:
        return Work()
    first, document = case.size(registration.initial), case.size(registration.document)
    return Work(down=first + document)


def _commit(case: Case) -> Work:
    """Return a round's training; a later attempt sends the same update."""
    view, study = case.view, case.study
    if view.has_committed_before(case.member) or not view.is_training:
        return Work()
    tried, _ = at_round(study, view.number)
    personal = study.personalization
    legs = 2 if personal is not None and personal.method == "ditto" else 1
    flops = case.training(case.rows[0], legs * tried.training.local_epochs)
    made = case.validates or view.closed_rounds == 0
    return Work(flops, down=0 if made else case.size(to_text(view.model)))


def _available(case: Case) -> Work:
    """Return a validator's look at every update: all but its own are fetched."""
    down = sum(
        case.fetched(to_text(blob_of(one)))
        for name, one in case.view.reveals.items() if name != case.member
    )  # fmt: skip
    return Work(down=down, operations={"hashed_byte": down})


def _vote(case: Case, transaction: RoundVote) -> Work:
    """Return a mean: a product and a sum for each coordinate; other rules take more."""
    if not isinstance(transaction.result, ModelResult):
        return Work()
    return Work(2.0 * case.parameters * len(case.here.included))


def _evaluate(case: Case, transaction: EvaluationPost) -> Work:
    """Return the test of the final model, and of one that the site trains alone."""
    training, tests = case.rows
    forward, down = forward_flops(case.spec), 0
    flops = forward * tests
    if not case.validates:
        down = case.size(transaction.model)
    tried = in_trial(case.study, case.view.trials.final)
    if transaction.local is not msgspec.UNSET:
        rounds = max(1, round(tried.training.rounds * tried.training.client_fraction))
        flops += case.training(training, rounds * tried.training.local_epochs) + forward * tests
    personal = case.study.personalization
    if personal is not None and personal.method == "fine_tuning":
        flops += case.training(training, tuning(tried).local_epochs)
    return Work(flops, down=down)
