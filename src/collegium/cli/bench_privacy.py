"""`collegium bench canaries`: whether a study's noise keeps what its epsilon claims."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collegium.cli.output import FAILED, JSON, SET, say, say_json

if TYPE_CHECKING:
    from collegium.running.privacy_audit import StudyAudit


@click.command()
@click.argument("study")
@SET
@click.option(
    "--trials", type=click.IntRange(2000), default=80_000,
    help="Planted patients to guess at; half of them measure.",
)  # fmt: skip
@click.option("--rows", type=click.IntRange(1), default=1, help="Rows of each planted patient.")
@JSON
def canaries(study: str, changes: tuple[str, ...], trials: int, rows: int, as_json: bool) -> None:
    """Audit the differential privacy of STUDY with planted patients.

    Gives a lower bound on epsilon that holds with 99.9 % confidence. It can refute a claim and
    never confirm it. Exits with 1 where the claim is refuted.
    """
    from collegium.running.preparation import prepare
    from collegium.running.privacy_audit import audit_study
    from collegium.study.reading import read_study

    found = audit_study(prepare(read_study(study, changes)), trials=trials, rows_of_unit=rows)
    if as_json:
        say_json(_json(found))
    else:
        for line in _lines(found):
            say(line)
    sys.exit(FAILED if found.audit.refuted else 0)


def _json(found: StudyAudit) -> dict[str, Any]:
    audit = found.audit
    return {
        "study": found.study, "unit": found.unit, "rounds": found.rounds,
        "sampling_rate": found.sampling_rate, "noise_multiplier": found.noise_multiplier,
        "accountant": found.accountant, "delta": audit.delta, "claimed": audit.claimed,
        "measured": audit.measured, "refuted": audit.refuted, "confidence": 0.999,
        "trials": audit.trials, "most_provable": found.most_provable,
        "true_positive_rate": audit.true_positive_rate,
        "false_positive_rate": audit.false_positive_rate,
    }  # fmt: skip


def _lines(found: StudyAudit) -> list[str]:
    audit = found.audit
    return [
        f"{found.study}: all updates of {found.rounds} rounds of one site",
        f"  claimed   epsilon {audit.claimed:.3f} at delta {audit.delta:g}, unit {found.unit},"
        f" sampling rate {found.sampling_rate:g}, noise multiplier {found.noise_multiplier:g},"
        f" accountant {found.accountant}",
        f"  measured  epsilon of at least {audit.measured:.3f} (99.9 % confidence, {audit.trials}"
        f" planted {found.unit}s; at most {found.most_provable:.2f} could be shown)",
        f"  by a test that finds {100 * audit.true_positive_rate:.2f} % at"
        f" {100 * audit.false_positive_rate:.2f} % false alarms",
        "REFUTED: the mechanism does not keep what it claims"
        if audit.refuted
        else "not refuted, which proves nothing beyond the measured bound",
    ]
