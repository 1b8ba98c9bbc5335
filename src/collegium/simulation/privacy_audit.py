"""An audit of a study's differential privacy: its own mechanism, with planted patients."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.accounting.conversion import micro_epsilon, times
from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import affordable_rounds
from collegium.assembly.preparation import Prepared
from collegium.errors import StudyError
from collegium.learning.private import Noising, PrivateTrainer
from collegium.study.privacy import privacy_terms
from collegium.threats.canaries import CanaryAudit, audit_by_canaries, most_provable


@dataclass(frozen=True, slots=True)
class StudyAudit:
    """What was audited, and what came of it: the updates of all rounds of one site together."""

    study: str
    unit: str
    rounds: int
    sampling_rate: float
    noise_multiplier: float
    accountant: str
    audit: CanaryAudit
    most_provable: float


def audit_study(prepared: Prepared, *, trials: int, rows_of_unit: int = 1) -> StudyAudit:
    """Plant patients in what a study does and bound its epsilon from below.

    Args:
        prepared: the study; its rows are not used.
        trials: planted units, half of which measure.
        rows_of_unit: rows of each of them.

    Raises:
        StudyError: the study has no differential privacy to be audited.
    """
    study, trainer = prepared.study, prepared.parts.trainer
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None or not isinstance(trainer, PrivateTrainer):
        raise StudyError(
            "bench.not-private", f"{study.study.id} has no differential privacy to be audited",
            "it promises nothing that planted patients could refute",
            "set privacy.differential_privacy, see docs/privacy.md",
        )  # fmt: skip
    if rows_of_unit > 1 and terms.unit == "record":
        raise StudyError(
            "bench.not-private", "a record has one row", "the study's unit is a row, not a patient",
            "leave --rows out",
        )  # fmt: skip
    rounds = affordable_rounds(terms, study.training.rounds)
    noising = Noising(wanted.clip, terms.noise / MICRO, terms.sampling / NANO, rounds * terms.steps)
    claimed = micro_epsilon(times(terms.charge, rounds), terms.conversion) / MICRO
    audit = audit_by_canaries(
        trainer, noising, claimed, terms.delta / 10**15, trials=trials, rows_of_unit=rows_of_unit
    )
    return StudyAudit(
        study=study.study.id, unit=terms.unit, rounds=rounds, sampling_rate=noising.sampling_rate,
        noise_multiplier=noising.noise_multiplier, accountant=terms.accountant, audit=audit,
        most_provable=most_provable(audit.trials),
    )  # fmt: skip
