"""Which model is final where the least validation loss says so: of one trial, or of several.

A round's votes tell the loss of the model that the round started from, so the model of a trial's
last round is never chosen: nobody has measured it. Trial k has the rounds from (k - 1) n + 1 to
k n, n being the registered number of rounds; it may end before, and then numbers are left out.
"""

from __future__ import annotations

import msgspec

from collegium.ledger.contract.events import ModelChosen, TrialClosed
from collegium.ledger.contract.tables import StudyRecord, TrialRecord, study_path
from collegium.ledger.contract.transactions import ModelResult, RoundVote
from collegium.ledger.state import State

MOST_TRIALS = 1000


def is_by_loss(record: StudyRecord) -> bool:
    """Return whether votes tell validation losses, and the least one makes a model final."""
    return record.selection is not msgspec.UNSET


def trials_of(record: StudyRecord) -> int:
    """Return how many ways of training a study tries."""
    return record.trials if isinstance(record.trials, int) else 1


def trial_of(rounds: int, number: int) -> int:
    """Return the trial of a round, from 1 on.

    Args:
        rounds: of a trial, as registered.
        number: of the round.
    """
    return 1 + (number - 1) // rounds


def is_last(record: StudyRecord, number: int) -> bool:
    """Return whether a trial has no round after one."""
    return number % record.rounds == 0


def measure(
    state: State, tx: RoundVote, result: ModelResult, record: StudyRecord, model: str
) -> None:
    """Note the voted loss of the model that a round started from, if it is its trial's least."""
    path, key = study_path(tx.study, "trials"), _key(trial_of(record.rounds, tx.round))
    best = state.record(path, key, TrialRecord)
    loss = result.validation
    if isinstance(loss, int) and (best is None or loss < best.validation):
        found = TrialRecord(failed=False, model=model, round=tx.round, validation=loss)
        state.put(path, key, found)


def close_trial(
    state: State, study: str, record: StudyRecord, number: int, *, failed: bool
) -> TrialClosed:
    """End the trial of a round; one that failed is never chosen from."""
    trial = trial_of(record.rounds, number)
    path, key = study_path(study, "trials"), _key(trial)
    best = state.record(path, key, TrialRecord)
    if failed or best is None:
        if best is not None:
            state.put(path, key, msgspec.structs.replace(best, failed=True))
        return TrialClosed(study=study, trial=trial, round=number)
    return TrialClosed(
        study=study, trial=trial, round=number, best=best.round, model=best.model,
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
