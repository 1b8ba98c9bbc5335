"""`compare`: finished runs set side by side, their models scored on the same test rows.

Runs whose documents differ in the seed alone are one design. Two designs are compared seed by
seed: both models of a seed are scored again, here, on the rows that the seed cuts for the test
part, which must be the same for both. Over several seeds the mean difference has the interval of
`replication`. A single seed, and seeds that all test on the same rows (a published test part, the
latest rows), have a paired bootstrap over these: that models of several seeds agree says nothing
of other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from collegium.data.table import Task
from collegium.errors import RunError
from collegium.learning.evaluation import intervals as bootstrap
from collegium.learning.evaluation.replication import mean_interval
from collegium.measuring.scoring import ScoredRun, quality_over_all, rows_over_all, score_run
from collegium.report.comparison import Verdict, verdict_of
from collegium.report.measurements import Interval, Quality
from collegium.report.wording import PRIMARY
from collegium.study.document import Study
from collegium.study.rendering import without_absent


@dataclass(frozen=True, slots=True)
class Mean:
    """A measure, or a difference of two, over seeds; `interval` is None where there is none."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Design:
    """Runs that differ in the seed alone.

    `name` holds what sets the design apart from the others. `quality` is the study's model over
    all sites, by measure; `to_local` and `to_pooled` are its paired distances from the models
    that the runs measured beside it. `unsettled` counts its runs whose training did not come to
    rest, by verdict.
    """

    name: str
    runs: tuple[Path, ...]
    seeds: tuple[int, ...]
    quality: dict[str, Mean]
    to_local: dict[str, Mean]
    to_pooled: dict[str, Mean]
    unsettled: dict[str, int]


@dataclass(frozen=True, slots=True)
class Paired:
    """A design minus the reference, over the seeds that both have, by measure.

    `method` is "seeds" or "rows": what the intervals were drawn over; rows where all seeds test on
    the same.
    """

    design: str
    seeds: tuple[int, ...]
    method: str
    differences: dict[str, Mean]
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Designs in the order of their first runs; the first is the reference of the others."""

    task: Task
    primary: str
    designs: tuple[Design, ...]
    differences: tuple[Paired, ...]


def compare(folders: Sequence[Path]) -> RunComparison:
    """Compare finished runs; the design of the first is what the others are compared with.

    Raises:
        CollegiumError: a run is not finished, does not verify or cannot be scored here; two runs
            are the same design with the same seed; designs share no seed, or not the test rows.
    """
    groups: dict[str, list[ScoredRun]] = {}
    for folder in folders:
        one = score_run(folder)
        groups.setdefault(_key(one.study), []).append(one)
    for same in groups.values():
        _check_seeds(same)
        same.sort(key=lambda one: one.seed)
    tasks = sorted({one.prepared.dataset.schema.task for same in groups.values() for one in same})
    if len(tasks) > 1:
        raise RunError(
            "compare.other-rows", f"a {tasks[0]} and a {tasks[1]} study cannot be compared",
            "they do not answer the same question", "compare runs on the same data",
        )  # fmt: skip
    names = _names([same[0].study for same in groups.values()])
    designs = list(zip(names, groups.values(), strict=True))
    reference = designs[0][1]
    return RunComparison(
        task=tasks[0],
        primary=PRIMARY[tasks[0]],
        designs=tuple(_design(name, same) for name, same in designs),
        differences=tuple(_paired(name, same, reference) for name, same in designs[1:]),
    )


def _check_seeds(same: Sequence[ScoredRun]) -> None:
    by_seed: dict[int, ScoredRun] = {}
    for one in same:
        other = by_seed.setdefault(one.seed, one)
        if other is not one:
            raise RunError(
                "compare.twice", f"{other.folder} and {one.folder} are the same study",
                f"both have the same document and the seed {one.seed}, so they are one result",
                "leave one of them out, or run it with another study.seed",
            )  # fmt: skip


def _flat(study: Study) -> dict[str, Any]:
    """Return the document's values by dotted key, without what only names a study or its seed."""
    table = without_absent(msgspec.to_builtins(study))
    table.pop("study")

    def walk(prefix: str, part: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in part.items():
            at = f"{prefix}{key}"
            found |= walk(f"{at}.", value) if isinstance(value, Mapping) else {at: value}
        return found

    return walk("", table)


def _key(study: Study) -> str:
    return repr(sorted(_flat(study).items()))


def _names(studies: Sequence[Study]) -> list[str]:
    """Return what sets each study apart: the keys that differ between any two, with its values."""
    if len(studies) == 1:
        return [studies[0].study.id]
    flat = [_flat(study) for study in studies]
    differ = [
        key
        for key in sorted({key for one in flat for key in one})
        if len({repr(one.get(key)) for one in flat}) > 1
    ]
    return [
        ", ".join(f"{key}={_shown(one[key])}" if key in one else f"no {key}" for key in differ)
        for one in flat
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _design(name: str, same: Sequence[ScoredRun]) -> Design:
    measured = [quality_over_all(one) for one in same]
    cut_anew = not all(_same_rows(same[0], one) for one in same)
    overlap = float(np.mean([one.overlap for one in same])) if cut_anew else None
    own = [one.measured.federated for one in same]
    there = [one.measured.federated_beside_local or one.measured.federated for one in same]
    local = [one.measured.local for one in same]
    pooled = [one.measured.pooled for one in same]
    ends = [one.measured.convergence for one in same]
    verdicts = [one.verdict for one in ends if one is not None and one.verdict != "converged"]
    return Design(
        name=name,
        runs=tuple(one.folder for one in same),
        seeds=tuple(one.seed for one in same),
        quality=_means(measured, overlap),
        to_local=_means(list(map(_distance, there, local)), overlap),
        to_pooled=_means(list(map(_distance, own, pooled)), overlap),
        unsettled=dict(Counter(verdicts)),
    )


def _distance(one: Quality | None, other: Quality | None) -> dict[str, float | None]:
    if one is None or other is None:
        return {}
    found: dict[str, float | None] = {}
    for name, value in one.overall.items():
        against = other.overall.get(name)
        found[name] = None if value is None or against is None else value - against
    return found


def _means(found: Sequence[Mapping[str, float | None]], overlap: float | None) -> dict[str, Mean]:
    """Return the mean of each measure that every seed has; without an overlap, no interval."""
    means = {}
    for name in found[0]:
        values = [value for one in found if (value := one.get(name)) is not None]
        if len(values) == len(found):
            interval = None if overlap is None else mean_interval(values, overlap)
            means[name] = Mean(float(np.mean(values)), _plain(interval))
    return means


def _paired(name: str, same: Sequence[ScoredRun], reference: Sequence[ScoredRun]) -> Paired:
    others = {one.seed: one for one in reference}
    pairs = [(one, others[one.seed]) for one in same if one.seed in others]
    if not pairs:
        raise RunError(
            "compare.no-pairs", f"{name} and the first design share no seed",
            "a difference is taken between two runs that cut the same test rows",
            "run both with the same study.seed, or give compare the studies and --seeds",
        )  # fmt: skip
    for one, other in pairs:
        _check_rows(one, other)
    if all(_same_rows(pairs[0][0], one) for one, _ in pairs):
        differences, method = _over_rows(pairs), "rows"
    else:
        overlap = float(np.mean([one.overlap for one, _ in pairs]))
        differences, method = _means(_apart(pairs), overlap), "seeds"
    return Paired(
        design=name,
        seeds=tuple(one.seed for one, _ in pairs),
        method=method,
        differences=differences,
        verdicts={key: verdict_of(key, one.interval) for key, one in differences.items()},
    )


def _over_rows(pairs: Sequence[tuple[ScoredRun, ScoredRun]]) -> dict[str, Mean]:
    """Return the mean differences of pairs on the same rows, with a paired bootstrap over those."""
    first = pairs[0][0]
    rows, evaluation = rows_over_all(first), first.study.evaluation
    scores = [(rows_over_all(one).scores, rows_over_all(other).scores) for one, other in pairs]
    # One threshold serves both: the models are compared, not the decisions made with them.
    bounds = bootstrap.intervals_of_difference(
        first.prepared.dataset.schema.task, rows.y, scores, threshold=evaluation.threshold,
        replicates=evaluation.bootstrap, seed=first.seed, site=rows.part, person=rows.person,
    )  # fmt: skip
    means = _means(_apart(pairs), None)
    return {name: Mean(one.value, _plain(bounds[name])) for name, one in means.items()}


def _apart(pairs: Sequence[tuple[ScoredRun, ScoredRun]]) -> list[dict[str, float | None]]:
    """Return each pair's differences by measure."""
    found = []
    for one, other in pairs:
        own, against = quality_over_all(one), quality_over_all(other)
        found.append({
            key: None if value is None or (base := against[key]) is None else value - base
            for key, value in own.items()
        })  # fmt: skip
    return found


def _check_rows(one: ScoredRun, other: ScoredRun) -> None:
    """Refuse a pair whose test rows are not the same patients with the same outcomes."""
    if not _same_rows(one, other):
        raise RunError(
            "compare.other-rows", f"{one.folder} and {other.folder} were tested on other rows",
            "their data, partition or split differ, so a difference may come from the rows",
            "compare runs whose [data] is the same",
        )  # fmt: skip


def _same_rows(one: ScoredRun, other: ScoredRun) -> bool:
    mine, theirs = one.prepared.test, other.prepared.test
    return mine.keys() == theirs.keys() and all(
        np.array_equal(rows.y, theirs[name].y) and np.array_equal(rows.person, theirs[name].person)
        for name, rows in mine.items()
    )


def _plain(interval: bootstrap.Interval | None) -> Interval | None:
    return None if interval is None else Interval(interval.low, interval.high)
