"""What attacks found, noted in a run's measurements, so that its report tells it."""

from __future__ import annotations

from pathlib import Path

from collegium.accounting.orders import MICRO, NANO
from collegium.errors import StudyError
from collegium.measuring.reporting import report_on
from collegium.report.measurements import AttackLine, append_line
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms
from collegium.study.reading import read_study
from collegium.threats.canaries import StudyAudit
from collegium.threats.membership import Exposure
from collegium.threats.rebuilding import Inversion


def note_attack(folder: Path, study: Study, found: Inversion | Exposure | StudyAudit) -> Path:
    """Note in a run folder what an attack on a study found, and return its new report's path.

    Args:
        folder: of a run with the same data and model; it may be protected otherwise.
        study: that was attacked.
        found: by the attack.

    Raises:
        CollegiumError: the folder is no run, or of other data or of another model.
    """
    other = read_study(folder / "study.toml").study
    if (other.data, other.model) != (study.data, study.model):
        raise StudyError(
            "bench.other-run", f"{folder} is a run of other data or of another model",
            "what an attack finds there tells nothing of it",
            f"attack {folder / 'study.toml'}, with --set for another protection",
        )  # fmt: skip
    attack, told, guessing = _in_words(found)
    line = AttackLine(attack=attack, protection=protection_of(study), found=told, guessing=guessing)
    append_line(folder / "metrics.jsonl", line)
    return report_on(folder)


def protection_of(study: Study) -> str:
    """Return what protects a study's updates, with all that makes an epsilon mean something."""
    told = []
    if study.privacy.secure_aggregation is not None:
        told.append(f"secure aggregation ({study.privacy.secure_aggregation.protocol})")
    terms = privacy_terms(study)
    if terms is not None:
        sampled = "no sampling"
        if terms.protects.in_training:
            sampled = f"Poisson samples of rate {terms.sampling / NANO:g}"
        told.append(
            f"epsilon {terms.budget / MICRO:g} at delta {terms.delta / 10**15:g} per {terms.unit},"
            f" {sampled}, accountant {terms.accountant}"
        )
    return " and ".join(told) or "nothing: plain updates"


def _in_words(found: Inversion | Exposure | StudyAudit) -> tuple[str, str, str]:
    """Return the attack, what it found, and what guessing would."""
    if isinstance(found, Inversion):
        best = max(found.attacks, key=lambda one: one.identified)
        seen = "" if found.together == 1 else f", in a sum over {found.together} sites"
        steps = "one step" if found.epochs == 1 else f"{found.epochs} local steps"
        what = (
            f"{100 * best.identified:.0f} of 100 were rebuilt so that they are nearer to their own"
            f" patient than to anybody else ({best.attack}, {best.rows} tried)"
        )
        if found.labels is not None:
            what += f"; the diagnosis was told right for {100 * found.labels:.0f} of 100"
        where = f"Rebuilding patients' rows from {steps} over {found.batch} of them{seen}"
        return where, what, f"{100 * found.chance:.2g} of 100"
    if isinstance(found, Exposure):
        rated = max(found.attacks, key=lambda one: one.true_positives[-1])
        what = (
            f"{100 * rated.true_positives[-1]:.2g} of 100 {found.level}s that were in were"
            f" recognized ({rated.attack}, {found.models} models)"
        )
        where = f"Telling by the final model if a {found.level} was in, at 1 false alarm in 100"
        return where, what, "1 of 100"
    audit = found.audit
    what = (
        f"a loss of epsilon {audit.measured:.2f} at least (99.9 % confidence), of"
        f" {audit.claimed:.2f} claimed, delta {audit.delta:g}, per {found.unit}, sampling rate"
        f" {found.sampling_rate:g}, accountant {found.accountant}"
    )
    if audit.refuted:
        what += ": the claim is refuted"
    where = f"Recognizing {audit.trials} planted {found.unit}s, as visible as any could be"
    return where, what, "a loss of 0"
