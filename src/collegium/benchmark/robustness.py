"""`collegium bench robustness`: rules against attacks, as far as a record has not got yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import msgspec

from collegium.assembly.code import code_digest
from collegium.benchmark.grid import Grid, Job, attacks_to_try
from collegium.benchmark.page import page
from collegium.benchmark.record import BenchmarkRecord, Header
from collegium.benchmark.summary import Requirement, RuleSummary, requirements, rule_summaries
from collegium.benchmark.trial import Line, Part, changed, try_job
from collegium.errors import RunError, StudyError
from collegium.study.canonical import digest
from collegium.study.document import Study, Threat
from collegium.study.reading import parse_study
from collegium.study.rendering import resolved


@dataclass(frozen=True, slots=True)
class Robustness:
    """What a benchmark came to, and where it lies."""

    folder: Path
    study: Study
    grid: Grid
    part: Part
    standings: tuple[RuleSummary, ...]
    demands: tuple[Requirement, ...]


def robustness(
    study: Study,
    grid: Grid,
    folder: Path,
    *,
    part: Part = "test",
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Robustness:
    """Try what a folder's record has not tried yet, and write its table and its page.

    Args:
        study: every trial changes it; its own rule is the one of which something is demanded.
        grid: what to try.
        folder: trials.jsonl is kept there, and results.json and index.html are written.
        part: the rows that count; "train" in order to choose something.
        processes: how many work at once.
        progress: is told how many jobs are done, and of how many.

    Raises:
        CollegiumError: a name is not known, the study has no accuracy, or the folder holds
            trials of something else.
    """
    _check_names(study, grid)
    header = Header(
        study=digest(study), part=part, placements=grid.placements,
        code=code_digest(study).hex(),
    )  # fmt: skip
    record = BenchmarkRecord(folder / "trials.jsonl", header)
    jobs, done = list(grid.jobs()), record.done()
    due = [job for job in jobs if job not in done]
    progress(len(jobs) - len(due), len(jobs))
    with _tries(study, grid.placements, part, due, processes) as results:
        for number, lines in enumerate(results, start=len(jobs) - len(due) + 1):
            record.add(lines)
            progress(number, len(jobs))
    asked = set(jobs)
    lines = sorted(
        (one for one in record.lines if _job_of(one) in asked),
        key=lambda one: jobs.index(_job_of(one)),
    )
    found = Robustness(
        folder, study, grid, part, tuple(rule_summaries(lines)),
        tuple(requirements(lines, study.aggregation.rule)),
    )  # fmt: skip
    (folder / "results.json").write_bytes(msgspec.json.format(results_json(found)))
    (folder / "index.html").write_text(
        page(study, grid, part, found.standings, found.demands), encoding="utf-8"
    )
    return found


def results_json(found: Robustness) -> bytes:
    """Return a benchmark's results as JSON."""
    return msgspec.json.encode(
        {
            "study": found.study.study.id,
            "digest": digest(found.study),
            "part": found.part,
            "rules": found.grid.rules,
            "attacks": found.grid.attacks,
            "counts": found.grid.counts,
            "splits": found.grid.splits,
            "placements": found.grid.placements,
            "standings": found.standings,
            "demands": found.demands,
        }
    )


def _job_of(line: Line) -> Job:
    return Job(line.rule, line.count, line.split, getattr(line, "attack", None))


@contextmanager
def _tries(
    study: Study, placements: int, part: Part, due: list[Job], processes: int
) -> Iterator[Iterator[list[Line]]]:
    """Give the results of jobs as they come."""
    if processes == 1:
        yield (try_job(study, job, placements, part) for job in due)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(try_job, study, job, placements, part) for job in due]
        try:
            yield (one.result() for one in as_completed(waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def _check_names(study: Study, grid: Grid) -> None:
    """Refuse what is not known before anything is tried; what does not fit is found by trying."""
    tried = [changed(study, Job(rule, 1, 0, None)) for rule in grid.rules]
    plain = changed(study, Job("fedavg", 1, 0, None))
    tried += [msgspec.structs.replace(plain, threat=Threat(attack=one)) for one in grid.attacks]
    for document in tried:
        try:
            parse_study(resolved(document), "the benchmark")
        except StudyError as error:
            if error.code in ("study.unknown-name", "study.not-yet"):
                raise
    for attack in grid.attacks:
        if attack not in attacks_to_try():
            raise RunError(
                "bench.attack", f"the benchmark cannot try {attack!r}",
                "it needs more than updates and scores, and the benchmark runs no ledger",
                f"choose among {', '.join(attacks_to_try())}",
            )  # fmt: skip
