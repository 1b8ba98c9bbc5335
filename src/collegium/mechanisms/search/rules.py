"""Which model is final where the least validation loss says so: of one trial, or of several.

A round's votes tell the loss of the model that the round started from, so the model of a trial's
last round is never chosen: nobody has measured it. Trial k has the rounds from (k - 1) n + 1 to
k n, n being the registered number of rounds; it may end before, and then numbers are left out.
"""

from __future__ import annotations

import msgspec

from collegium.ledger.contract import rounds
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Closing, Rules
from collegium.ledger.contract.series import MOST_ROUNDS
from collegium.ledger.contract.tables import Record, StudyRecord, StudyStatus, study_path
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.state import State
from collegium.mechanisms.search.terms import (
    MECHANISM,
    Measured,
    ModelChosen,
    SearchTerms,
    TrialClosed,
)

MOST_TRIALS = 1000


class TrialRecord(Record, frozen=True, kw_only=True):
    """The model with the least voted loss of a trial, and the round that told it."""

    failed: bool
    model: str
    round: int
    validation: int


def _terms(record: StudyRecord) -> SearchTerms:
    return part_of(record.terms, SearchTerms) or SearchTerms()


def is_by_loss(record: StudyRecord) -> bool:
    """Return whether votes tell validation losses, and the least one makes a model final."""
    return _terms(record).selection is not msgspec.UNSET


def trials_of(record: StudyRecord) -> int:
    """Return how many ways of training a study tries."""
    trials = _terms(record).trials
    return trials if isinstance(trials, int) else 1


def trial_of(rounds: int, number: int) -> int:
    """Return the trial of a round, from 1 on.

    Args:
        rounds: of a trial, as registered.
        number: of the round.
    """
    return 1 + (number - 1) // rounds


def _register(tx: StudyRegister) -> None:
    """Refuse trials that nothing chooses among, that are too many, or that tell of patients."""
    terms = part_of(tx.terms, SearchTerms) or SearchTerms()
    trials = terms.trials if isinstance(terms.trials, int) else 0
    if trials and terms.selection is msgspec.UNSET:
        raise Rejected("malformed", "trials need a selection")
    if trials > MOST_TRIALS or trials * tx.rounds > MOST_ROUNDS:
        raise Rejected("refused", "trials are beyond what a ledger allows")
    others = {name.partition("@")[0] for name in tx.modules}
    if terms.selection is not msgspec.UNSET and "privacy" in others:
        raise Rejected("refused", "validation losses have no differential privacy")


def _votes(record: StudyRecord, result: ModelResult) -> None:
    told = part_of(result.parts, Measured) or Measured()
    if told.ends is not msgspec.UNSET and _terms(record).patience is msgspec.UNSET:
        raise Rejected("malformed", "only a model of a study with a patience ends it early")
    if is_by_loss(record) == (told.validation is msgspec.UNSET):
        raise Rejected("malformed", "a loss comes with a model where it selects one, and only then")


def _round_closes(at: RoundAt, result: ModelResult, before: StudyStatus) -> Closing:
    """Note the voted loss of the model that a round started from, if it is its trial's least."""
    told = part_of(result.parts, Measured) or Measured()
    path, key = at.course.table("trials"), _key(trial_of(at.record.rounds, at.number))
    best, loss = at.state.record(path, key, TrialRecord), told.validation
    if isinstance(loss, int) and (best is None or loss < best.validation):
        found = TrialRecord(failed=False, model=before.model, round=at.number, validation=loss)
        at.state.put(path, key, found)
    return Closing(early=told.ends is not msgspec.UNSET)


def _goes_on(course: StudyAt) -> list[Event] | None:
    return _end_trial(course, failed=False) if is_by_loss(course.record) else None


def _gives_up(at: RoundAt) -> list[Event] | None:
    """Go on with the next trial where one of several has failed."""
    return _end_trial(at.course, failed=True) if trials_of(at.record) > 1 else None


def _end_trial(course: StudyAt, *, failed: bool) -> list[Event]:
    """End a trial: the next one begins with the first model, or the best model of all is final."""
    record, status = course.record, course.status
    trials, here = trials_of(record), trial_of(record.rounds, status.round)
    events: list[Event] = []
    if trials > 1:
        events.append(_close_trial(course, failed=failed))
    latest = status.latest if status.model == record.initial else status.model
    if here < trials:
        course.move(model=record.initial, latest=latest, exponent=record.exponent)
        if rounds.can_repeat(course):
            return [*events, *rounds.open_round(course, here * record.rounds + 1)]
        events += [
            TrialClosed(study=course.study, trial=trial, round=(trial - 1) * record.rounds + 1)
            for trial in range(here + 1, trials + 1)
        ]
    if (chosen := choose(course.state, course.study)) is None:
        return [*events, *rounds.fail_study(course, "attempts", round_open=False)]
    course.move(model=chosen.model, latest=msgspec.UNSET if latest == chosen.model else latest)
    return [*events, chosen, *rounds.open_test(course)]


def _close_trial(course: StudyAt, *, failed: bool) -> TrialClosed:
    """End the trial of a round; one that failed is never chosen from."""
    number = course.status.round
    trial = trial_of(course.record.rounds, number)
    path, key = course.table("trials"), _key(trial)
    best = course.state.record(path, key, TrialRecord)
    if failed or best is None:
        if best is not None:
            course.state.put(path, key, msgspec.structs.replace(best, failed=True))
        return TrialClosed(study=course.study, trial=trial, round=number)
    return TrialClosed(
        study=course.study, trial=trial, round=number, best=best.round, model=best.model,
        validation=best.validation,
    )  # fmt: skip


def choose(state: State, study: str) -> ModelChosen | None:
    """Return the choice: the least loss, of the earliest trial; None where every trial failed."""
    best: tuple[int, str, TrialRecord] | None = None
    path = study_path(study, "trials")
    for key in state.names(path):
        found = state.record(path, key, TrialRecord)
        if found is None or found.failed:
            continue
        if best is None or (found.validation, key) < best[:2]:
            best = found.validation, key, found
    if best is None:
        return None
    _, key, found = best
    return ModelChosen(
        study=study, trial=int(key), round=found.round, model=found.model,
        validation=found.validation,
    )  # fmt: skip


def _key(trial: int) -> str:
    return f"{trial:04d}"


RULES = Rules(
    MECHANISM,
    registers=_register,
    votes=_votes,
    round_closes=_round_closes,
    goes_on=_goes_on,
    gives_up=_gives_up,
)
