"""`run`: a study goes in; a model, a ledger that says how it came to be, and a report come out.

A study's engine orders in this process, or members are processes: then a `Launcher` runs the study
and leaves the same kind of folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from collegium.assembly.folder import DEFAULT_PARENT, check_vacant, claimed, write_policy
from collegium.assembly.preparation import Prepared, prepare
from collegium.assembly.privacy import charged_rounds, spending_of
from collegium.errors import RunError
from collegium.federation.loop import drive
from collegium.learning.parallel.pool import MOST, Pool
from collegium.ledger.ordering import Simulates
from collegium.measuring.held_out_quality import ModelsCompared, out_of_fold
from collegium.measuring.result import Progress, RunResult, read_final
from collegium.plugins import find
from collegium.report.measurements import FinalLine, Quality, RoundLine, append_line, read_lines
from collegium.simulation.consortium import Consortium, Substitute, build
from collegium.simulation.finishing import measured, models_of
from collegium.simulation.recorder import Recorder
from collegium.study.canonical import digest as study_digest
from collegium.study.document import Study
from collegium.study.fold_checks import folds_of, of_fold
from collegium.study.reading import ReadStudy, parse_study, read_study
from collegium.study.rendering import resolved


class Launcher(Protocol):
    """Runs a whole study whose members are processes, and leaves its run folder."""

    def launch(
        self, prepared: Prepared, folder: Path, progress: Progress, stage: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> RunResult:  # fmt: skip
        """Run a study in a folder that this process holds, or go on with the run that is there.

        Raises:
            CollegiumError: the processes cannot be started, or one of them fails.
        """
        ...


def run(
    study: Study | str | Path,
    *,
    out: str | Path | None = None,
    changes: Sequence[str] = (),
    resume: bool = False,
    progress: Progress = lambda closed, rounds: None,
    stage: Callable[[str], None] = lambda what: None,
    warn: Callable[[str], None] = lambda message: None,
    substitute: Substitute | None = None,
    processes: int | None = None,
) -> RunResult:
    """Run a study in this process and leave its run folder.

    Args:
        study: a preset's name, a study file, or a typed document.
        out: the run folder; ``runs/<id>-<digest>`` if not given.
        changes: ``path=value`` strings that change the document, as ``--set`` does.
        resume: go on with the run that is there, whether absent, unfinished or finished.
        progress: is told how many rounds are closed.
        stage: is told what begins.
        warn: is told what the user should know.
        substitute: puts others in participants' places, for demonstrations and tests; where
            members are processes nobody can.
        processes: how many train the sites, this one among them; as many as there are cores for
            and as soon as that pays if not given. The result is the same.

    Raises:
        CollegiumError: the study, its data or the folder is not acceptable.
    """
    stage("preparing the data")
    prepared = prepare(_read(study, changes))
    engine = find("engines", prepared.study.consensus.engine)
    launcher: Launcher | None = None
    if not isinstance(engine, Simulates):
        launcher = find("launchers", "processes")
    if substitute is not None and launcher is not None:
        raise RunError(
            "run.substitute", "a substitute was given for a participant in a process of its own",
            f"the engine {prepared.study.consensus.engine!r} runs every member by itself",
            'set consensus.engine = "solo"',
        )  # fmt: skip
    if processes is not None:
        _check_processes(processes, launched=launcher is not None)
    name = f"{prepared.study.study.id}-{study_digest(prepared.study)[:8]}"
    folder = DEFAULT_PARENT / name if out is None else Path(out)
    check_vacant(folder, resume=resume)
    with claimed(folder), Pool(processes) as pool:
        _keep_study(folder, prepared)
        if launcher is not None:
            return launcher.launch(prepared, folder, progress, stage, warn)
        run_one = partial(
            _carried_out, progress=progress, warn=warn, substitute=substitute, pool=pool
        )
        folds = _fold_runner(prepared, folder, run_one, stage)
        result, _ = run_one(prepared, folder, folds, stage)
    return result


class _CarryOut(Protocol):
    """`_carried_out` with everything given that is alike for a study and its folds."""

    def __call__(
        self,
        prepared: Prepared,
        folder: Path,
        folds: Callable[[], list[ModelsCompared]] | None,
        stage: Callable[[str], None],
    ) -> tuple[RunResult, ModelsCompared | None]: ...


def _carried_out(
    prepared: Prepared,
    folder: Path,
    folds: Callable[[], list[ModelsCompared]] | None,
    stage: Callable[[str], None],
    *,
    progress: Progress,
    warn: Callable[[str], None],
    substitute: Substitute | None,
    pool: Pool,
) -> tuple[RunResult, ModelsCompared | None]:
    """Run a study in this process, in a folder that it holds; without models if it failed."""
    consortium = build(prepared, folder, warn, substitute, pool)
    complete = False
    try:
        _require_models(consortium, folder)
        finished = consortium.view().phase == "closed"
        known = read_final(folder) if finished else None
        recorder = Recorder(consortium, folder, progress)
        stage("training")
        traffic = drive(
            consortium.engine, prepared.study.study.id, consortium.participants, recorder,
            consortium.settle,
        )  # fmt: skip
        complete = True
        _tell_troubles(consortium, warn)
        stage("comparing with local and pooled training")
        models = models_of(consortium) if known is None or folds is None else None
        final = known or measured(consortium, traffic, recorder, models)
        if known is None and models is not None and folds is not None:
            apart = out_of_fold(trained) if (trained := folds()) else None
            final = msgspec.structs.replace(final, out_of_fold=apart)
        append_line(recorder.path, final)
        result = _result(consortium, folder, final)
    finally:
        consortium.close(complete=complete)
    write_policy(folder, consortium.genesis, consortium.log_key)
    return result, models


def _fold_runner(
    prepared: Prepared, folder: Path, run_one: _CarryOut, stage: Callable[[str], None]
) -> Callable[[], list[ModelsCompared]] | None:
    """Return what trains a study's folds, each a study with a ledger of its own; None without.

    It returns no models where a fold's study failed.
    """
    study = prepared.study
    count = folds_of(study)
    if count is None or study.evaluation.fold is not None:
        return None

    def in_fold(number: int, what: str) -> None:
        stage(f"fold {number} of {count}: {what}")

    def run_folds() -> list[ModelsCompared]:
        trained = []
        for number in range(1, count + 1):
            text, beside = resolved(of_fold(study, number)), prepared.read.folder
            read = parse_study(text, f"fold {number}", beside)
            own, place = prepare(read), folder / "folds" / str(number)
            check_vacant(place, resume=True)
            with claimed(place):
                _keep_study(place, own)
                _, models = run_one(own, place, None, partial(in_fold, number))
            if models is None:
                return []
            trained.append(models)
        return trained

    return run_folds


def _require_models(consortium: Consortium, folder: Path) -> None:
    """Refuse to go on without the models to go on from: the study would fail, and blame its sites.

    One model that is missing is made again from the round that led to it; not so two in a row.
    """
    view, blobs = consortium.view(), consortium.exchange.folder
    if view.status is None or view.phase == "closed" or blobs.get(view.model) is not None:
        return
    parent = view.parent(view.status.model)
    if parent is not None and blobs.get(parent) is None:
        raise RunError(
            "run.no-models", f"{folder} cannot be resumed",
            "the models of its last rounds are missing",
            f"restore {folder / 'blobs'} from where it went, then resume",
        )  # fmt: skip


def _check_processes(processes: int, *, launched: bool) -> None:
    """Refuse a number of processes that makes no sense, or that somebody else decides."""
    if not 1 <= processes <= MOST:
        raise RunError(
            "run.processes", f"{processes} processes cannot train",
            f"this process is one of them, and more than {MOST} are a mistake",
            f"give a number from 1 to {MOST}, or none: as many as it pays to have are used then",
        )  # fmt: skip
    if launched:
        raise RunError(
            "run.processes", "the number of processes is the number of members",
            "the engine runs every member in a process of its own, which trains its site",
            'leave out --processes, or set consensus.engine = "solo"',
        )  # fmt: skip


def _tell_troubles(consortium: Consortium, warn: Callable[[str], None]) -> None:
    for site in consortium.sites:
        for number, why in list(site.troubles.items())[:1]:
            more = f" and {len(site.troubles) - 1} more" if len(site.troubles) > 1 else ""
            warn(f"{site.name} sent no update in round {number}{more}: {why}")


def _read(study: Study | str | Path, changes: Sequence[str]) -> ReadStudy:
    if not isinstance(study, Study):
        return read_study(study, changes)
    if changes:
        raise RunError(
            "run.changes", "changes were given with a typed study",
            "they change a document's text", "use msgspec.structs.replace on the study",
        )  # fmt: skip
    return parse_study(resolved(study), "the study given")


def _keep_study(folder: Path, prepared: Prepared) -> None:
    """Keep the document as registered; a run that is resumed must have the same one."""
    path = folder / "study.toml"
    if path.exists():
        kept = read_study(path)
        if study_digest(kept.study) != study_digest(prepared.study):
            raise RunError(
                "run.other-study", f"{folder} holds a run of another study",
                "its study.toml differs from the study that is asked for",
                f"resume with {path} itself, or choose another --out",
            )  # fmt: skip
        return
    partial = folder / ".study.toml"
    partial.write_text(prepared.read.text, encoding="utf-8")
    partial.replace(path)


def _rounds(consortium: Consortium, folder: Path) -> int:
    """Return how many rounds are closed; trials that end early leave numbers out."""
    if consortium.prepared.study.search is None:
        return consortium.view().closed_rounds
    lines = read_lines(folder / "metrics.jsonl")
    return len({line.round for line in lines if isinstance(line, RoundLine)})


def _result(consortium: Consortium, folder: Path, measured: FinalLine) -> RunResult:
    prepared, view = consortium.prepared, consortium.view()
    application = consortium.engine.application
    return RunResult(
        folder=folder, outcome=measured.outcome, model=measured.model,
        rounds=_rounds(consortium, folder),
        entries=application.size, app_hash=application.application_hash().hex(),
        genesis=application.identity.hex(), measured=measured, study=prepared.study,
        notices=prepared.notices, attackers=tuple(prepared.attackers),
        spending=spending_of(prepared.study, charged_rounds(view, prepared.sites)),
    )  # fmt: skip


def summary(quality: Quality | None) -> dict[str, object] | None:
    """Return quality as ``run --json`` prints it: metrics overall and by site."""
    return None if quality is None else {"overall": quality.overall, "sites": quality.sites}
