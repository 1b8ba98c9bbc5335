"""What a study's final model was chosen from, as its ledger and its document tell."""

from __future__ import annotations

from collegium.audit.findings import Finding, Selection, TrialResult
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import StudyHistory
from collegium.mechanisms.search.terms import Measured
from collegium.study.document import Study
from collegium.study.searching import candidates, dotted_values, held_out, held_out_by

VOTED = 2.0**30
"""Losses are voted on in 2^30ths (docs/spec/8-blobs.md)."""


def selection_of(study_history: StudyHistory, study: Study) -> Selection | None:
    """Return what a study's final model was chosen from; None where nothing was chosen."""
    part, chosen = held_out(study), study_history.chosen
    if part is None or chosen is None:
        return None
    closed = [attempt.opened.round for attempt in study_history.closed_rounds]
    rounds = study.training.rounds
    tried = []
    for event in study_history.trials:
        first = (event.trial - 1) * rounds
        loss = event.validation if isinstance(event.validation, int) else None
        tried.append(
            TrialResult(
                trial=event.trial,
                values=dotted_values(candidates(study)[event.trial - 1]),
                rounds=sum(first < number <= first + rounds for number in closed),
                loss=None if loss is None else loss / VOTED,
                measured=event.best - first if isinstance(event.best, int) else None,
            )
        )
    return Selection(
        study=study.study.id, held_out=part, by=held_out_by(study), looks=len(closed),
        loss=chosen.validation / VOTED,
        trial=chosen.trial, measured=chosen.round - (chosen.trial - 1) * rounds,
        trials=tuple(tried),
    )  # fmt: skip


def _checks(audited: Audited) -> Checked:
    found = None if audited.study is None else selection_of(audited.history, audited.study)
    return Checked([], told={} if found is None else {"selections": (found,)})


CHECKING = Checking(
    differs={Measured: lambda where: Finding("round.ending", "error", where)}, checks=_checks
)
