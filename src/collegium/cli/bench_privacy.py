"""`collegium bench canaries`, `membership`, `inversion` and `crafted`: what a study tells."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from collegium.cli.completing import studies
from collegium.cli.help import example
from collegium.cli.output import FAILED, JSON, SET, say, say_json
from collegium.cli.progress import display

if TYPE_CHECKING:
    from collegium.study.document import Study
    from collegium.threats.canaries import StudyAudit
    from collegium.threats.inversion import Reconstruction
    from collegium.threats.membership import Exposure
    from collegium.threats.rebuilding import Inversion


INTO = click.option(
    "--into", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN",
    help="Note what was found in a run's folder, whose report then tells it.",
)  # fmt: skip


def _note(into: Path | None, study: Study, found: Inversion | Exposure | StudyAudit) -> None:
    if into is not None:
        from collegium.measuring.attack_notes import note_attack

        note_attack(into, study, found)


@click.command(epilog=example("collegium bench canaries my_study.toml"))
@click.argument("study", shell_complete=studies)
@SET
@click.option(
    "--trials", type=click.IntRange(2000), default=80_000,
    help="Number of planted patients; half of them are for the measurement.",
)  # fmt: skip
@click.option("--rows", type=click.IntRange(1), default=1, help="Rows of each planted patient.")
@INTO
@JSON
def canaries(
    study: str, changes: tuple[str, ...], trials: int, rows: int, into: Path | None, as_json: bool
) -> None:
    """Audit the differential privacy of STUDY with planted patients.

    Gives a lower bound on epsilon that holds with 99.9 % confidence. It can refute a claim and
    never confirm it. Exits with 1 where the claim is refuted.
    """
    from collegium.assembly.preparation import prepare
    from collegium.study.reading import read_study
    from collegium.threats.canaries import audit_study

    prepared = prepare(read_study(study, changes))
    found = audit_study(prepared.study, prepared.parts.trainer, trials=trials, rows_of_unit=rows)
    _note(into, prepared.study, found)
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
        "guesses": audit.guesses, "right": audit.right,
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
        f"  by a test that guessed at {audit.guesses} of them and was right"
        f" {100 * audit.right / max(audit.guesses, 1):.1f} % of the time",
        "REFUTED: the mechanism does not satisfy its claimed epsilon"
        if audit.refuted
        else "not refuted. This proves nothing beyond the measured bound",
    ]


@click.command(epilog=example("collegium bench membership heart --models 16"))
@click.argument("study", shell_complete=studies)
@SET
@click.option(
    "--models", type=click.IntRange(8), default=32, help="Studies to train on random halves."
)
@click.option(
    "--level", type=click.Choice(["patient", "client"]), default="patient",
    help="Unit of the attack: patients or whole sites.",
)  # fmt: skip
@INTO
@JSON
def membership(
    study: str,
    changes: tuple[str, ...],
    models: int,
    level: Literal["patient", "client"],
    into: Path | None,
    as_json: bool,
) -> None:
    """Guess from STUDY's final model who was trained on.

    Trains the study on random halves of its patients and attacks each model with what the others
    tell: by a threshold on its confidence, and by likelihood ratios (LiRA).
    """
    from collegium.assembly.preparation import prepare
    from collegium.simulation.ledgerless import run_without_ledger
    from collegium.study.reading import read_study
    from collegium.threats.membership import exposure

    with display("models", "models", quiet=as_json) as shown:
        prepared = prepare(read_study(study, changes))
        found = exposure(
            prepared.victim,
            lambda train: run_without_ledger(replace(prepared, train=dict(train))).model.parameters,
            models=models, level=level, progress=shown.progress,
        )  # fmt: skip
    _note(into, prepared.study, found)
    if as_json:
        say_json(msgspec.to_builtins(found))
    else:
        for line in _exposure_lines(found):
            say(line)


def _exposure_lines(found: Exposure) -> list[str]:
    from collegium.threats.membership import LEVELS

    lines = [f"{found.study}: {found.units} {found.level}s, {found.models} models"]
    for one in found.attacks:
        rates = ", ".join(
            f"{100 * rate:.2f} % at {100 * level:g} % false alarms"
            for rate, level in zip(one.true_positives, LEVELS, strict=True)
        )
        lines.append(f"  {one.attack}: AUC {one.auc:.3f}, finds {rates}")
    if found.epsilon is None:
        lines.append("  no bound: better attacks may find more")
        return lines
    bounds = ", ".join(
        f"{100 * bound:.3g} % at {100 * level:g} %"
        for bound, level in zip(found.bounds, LEVELS, strict=True)
    )
    lines.append(
        f"  epsilon {found.epsilon:.3g} at delta {found.delta:g}, unit {found.level}, accountant"
        f" rdp@1, allows any attack at most {bounds}"
    )
    return lines


@click.command(epilog=example("collegium bench inversion heart --trials 20"))
@click.argument("study", shell_complete=studies)
@SET
@click.option("--batch", type=click.IntRange(1, 64), default=1, help="Rows in a step.")
@click.option("--trials", type=click.IntRange(1), default=20, help="Updates to attack.")
@click.option("--epochs", type=click.IntRange(1, 10), default=1, help="Local steps of an update.")
@click.option(
    "--colluders", type=click.IntRange(0), default=0,
    help="Number of other sites whose part of a masked sum the attacker knows.",
)  # fmt: skip
@INTO
@JSON
def inversion(
    study: str, changes: tuple[str, ...], batch: int, trials: int, epochs: int, colluders: int,
    into: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Rebuild patients' rows or pictures from updates of STUDY.

    The updates are protected as the study says. The attacks use quotients of the first layer's
    gradients, or move candidates until their gradients match (DLG) or point the same way (inverting
    gradients). Under secure aggregation they have only the sum of a round.
    """
    from collegium.assembly.preparation import prepare
    from collegium.study.reading import read_study
    from collegium.threats.rebuilding import invert

    prepared = prepare(read_study(study, changes))
    found = invert(prepared.victim, batch=batch, trials=trials, epochs=epochs, colluders=colluders)
    _note(into, prepared.study, found)
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    for line in _inversion_lines(found):
        say(line)


def _inversion_lines(found: Inversion) -> list[str]:
    how = "plain" if found.noise is None else f"with noise multiplier {found.noise:g}, clipped"
    steps = "a step" if found.epochs == 1 else f"{found.epochs} local steps"
    lines = [f"{found.study}, {found.site}: {steps} over {found.batch} rows, {how}"]
    if found.together > 1:
        lines.append(f"  only the sum of {found.together} sites' updates is visible")
    lines += [_attack_line(one) for one in found.attacks]
    lines.append(f"  guessing would identify {100 * found.chance:.2g} %")
    if found.labels is not None:
        lines.append(
            f"  labels inferred from the sign of the last bias (iDLG): {100 * found.labels:.0f} %"
        )
    return lines


def _attack_line(one: Reconstruction) -> str:
    line = (
        f"  {one.attack}: {100 * one.identified:.0f} % of {one.rows} rows identified, median"
        f" squared error {one.error:.3g} a coordinate"
    )
    if one.noise_ratio is not None and one.likeness is not None:
        line += f", peak signal to noise {one.noise_ratio:.1f} dB, SSIM {one.likeness:.2f}"
    return line


@click.command(epilog=example("collegium bench crafted heart --colluders 1"))
@click.argument("study", shell_complete=studies)
@SET
@click.option(
    "--colluders", type=click.IntRange(0), default=0,
    help="Number of sites that steer the model by their updates; 0: somebody chose the first one.",
)  # fmt: skip
@JSON
def crafted(study: str, changes: tuple[str, ...], colluders: int, as_json: bool) -> None:
    """Read patients' rows out of one sum of updates of STUDY.

    The model is made for that, and graded without any data. Nobody can register such a first model
    unseen; with --colluders, some sites steer the training to it within some rounds.
    """
    from collegium.assembly.preparation import prepare
    from collegium.study.reading import read_study
    from collegium.threats.crafted import craft, steer

    prepared = prepare(read_study(study, changes))
    victim, trainer = prepared.victim, prepared.parts.trainer
    found = steer(victim, trainer, colluders) if colluders else craft(victim, trainer)
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    how = "a chosen first model"
    if found.rounds is not None:
        how = f"a model to which {found.colluders} site(s) steered in {found.rounds} rounds"
    say(f"{found.study}: one sum of updates from {how}, {found.units} units in the first layer")
    say(
        f"  rebuilt {found.rebuilt} of {found.rows} rows of all other sites"
        if colluders
        else f"  rebuilt {found.rebuilt} of {found.rows} rows of all sites"
    )
    say(f"  as even thresholds would single out {found.alone:.3g}")
