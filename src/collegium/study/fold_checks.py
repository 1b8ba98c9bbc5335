"""Whether a study's folds can be trained: all of them from one document, one of each by its own."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from collegium.study.document import Study
from collegium.study.refusal import Refusal


def check_folds(study: Study, simulated: Collection[str]) -> None:
    """Refuse a fold without folds, and folds where no process holds everybody's rows.

    Raises:
        Refusal: ``study.combination``.
    """
    folds, fold = folds_of(study), study.evaluation.fold
    if fold is not None and (folds is None or fold > folds):
        raise Refusal(
            ("evaluation", "fold"), "study.combination", f"there is no fold {fold}",
            "the study has no folds" if folds is None else f"evaluation.folds is {folds}",
            "set evaluation.folds to how many there are, or remove fold",
        )  # fmt: skip
    if folds is not None and study.consensus.engine not in simulated:
        raise Refusal(
            ("evaluation", "folds"), "study.combination",
            f"folds do not go with the engine {study.consensus.engine!r}",
            "persons are dealt into folds where everybody's rows are; members hold only their own",
            'set consensus.engine = "solo", or remove folds',
        )  # fmt: skip
    if folds is not None and fold is None and study.privacy.differential_privacy is not None:
        raise Refusal(
            ("evaluation", "folds"), "study.combination",
            "folds do not go with differential privacy",
            f"{folds} more trainings on the same persons would each spend the budget again",
            "remove folds, or differential_privacy",
        )  # fmt: skip


def folds_of(study: Study) -> int | None:
    """Return how many folds a study has, None for none: one fold is no folds."""
    folds = study.evaluation.folds
    return None if folds == 1 else folds


def of_fold(study: Study, number: int) -> Study:
    """Return the study whose test part is a fold of another's persons, and which has no more."""
    evaluation = msgspec.structs.replace(study.evaluation, fold=number)
    return msgspec.structs.replace(study, evaluation=evaluation)
