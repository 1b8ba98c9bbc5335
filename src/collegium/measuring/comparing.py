"""`compare`: finished runs set side by side, their models scored on the same test rows.

Runs whose documents differ in the seed alone are one design. Two designs are compared seed by
seed: both models of a seed are scored again, here, on the rows that the seed cuts for the test
part, which must be the same for both. Over several seeds the mean difference has the interval of
`replication`. A single seed, and seeds that all test on the same rows (a published test part, the
latest rows), have a paired bootstrap over these: that models of several seeds agree says nothing
of other rows.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from collegium.data.table import SiteRows
from collegium.errors import RunError
from collegium.learning.evaluation import intervals as bootstrap
from collegium.learning.evaluation.replication import mean_interval
from collegium.measuring.scoring import ScoredRun, quality_over_all, rows_over_all, score_run
from collegium.report.comparison import verdict_of
from collegium.report.measurements import Interval, Quality
from collegium.report.run_comparison import (
    Design,
    Mean,
    MeasuredDifference,
    PairedDifference,
    RunComparison,
)
from collegium.report.wording import PRIMARY
from collegium.study.document import Study
from collegium.study.rendering import without_absent


def compare(folders: Sequence[str | Path]) -> RunComparison:
    """Compare finished runs; the design of the first is what the others are compared with.

    Args:
        folders: run folders, as `collegium.run` leaves them.

    Raises:
        CollegiumError: a run is not finished, does not verify or cannot be scored here; two runs
            are the same design with the same seed; designs share no seed, or not the test rows.
    """
    groups: dict[str, list[ScoredRun]] = {}
    for folder in folders:
        one = score_run(Path(folder))
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
    every = list(groups.values())
    keys = _differing([same[0].study for same in every])
    designs = [_design(key, same) for key, same in zip(keys, every, strict=True)]
    first = every[0][0].study.study
    return RunComparison(
        title=first.title,
        question=first.question,
        task=tasks[0],
        primary=PRIMARY[tasks[0]],
        designs=tuple(designs),
        differences=tuple(
            _paired(design.name, same, designs[0].name, every[0])
            for design, same in zip(designs[1:], every[1:], strict=True)
        ),
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


def _differing(studies: Sequence[Study]) -> list[dict[str, str | None]]:
    """Return each study's values of the keys in which any two differ, None where it has no such."""
    flat = [_flat(study) for study in studies]
    differ = [
        key
        for key in sorted({key for one in flat for key in one})
        if len({repr(one.get(key)) for one in flat}) > 1
    ]
    return [{key: _shown(one[key]) if key in one else None for key in differ} for one in flat]


def _name(keys: Mapping[str, str | None], study: Study) -> str:
    """Return what sets a design apart from the others; one alone has its study's id."""
    told = (f"no {key}" if value is None else f"{key}={value}" for key, value in keys.items())
    return ", ".join(told) or study.study.id


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _design(keys: dict[str, str | None], same: Sequence[ScoredRun]) -> Design:
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
        name=_name(keys, same[0].study),
        runs=tuple(_text(one.folder) for one in same),
        seeds=tuple(one.seed for one in same),
        quality=_means(measured, overlap),
        federated_minus_local=_means(list(map(_distance, there, local)), overlap),
        federated_minus_pooled=_means(list(map(_distance, own, pooled)), overlap),
        unsettled=dict(Counter(verdicts)),
        keys=keys,
        rows=(_rows(same[0].prepared.train), _rows(same[0].prepared.test)),
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


def _paired(
    name: str, same: Sequence[ScoredRun], against: str, reference: Sequence[ScoredRun]
) -> PairedDifference:
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
    over_rows = all(_same_rows(pairs[0][0], one) for one, _ in pairs)
    if over_rows:
        differences = _over_rows(pairs)
    else:
        overlap = float(np.mean([one.overlap for one, _ in pairs]))
        differences = _means(_apart(pairs), overlap)
    return PairedDifference(
        design=name,
        against=against,
        seeds=tuple(one.seed for one, _ in pairs),
        interval_over="rows" if over_rows else "seeds",
        measures={
            key: MeasuredDifference(one.value, one.interval, verdict_of(key, one.interval))
            for key, one in differences.items()
        },
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


def _text(folder: Path) -> str:
    """Return a path as text that any file can hold; a name need not be UTF-8."""
    return os.fsencode(folder).decode("utf-8", "backslashreplace")


def _rows(parts: Mapping[str, SiteRows]) -> int:
    return sum(len(rows.y) for rows in parts.values())


def _plain(interval: bootstrap.Interval | None) -> Interval | None:
    return None if interval is None else Interval(interval.low, interval.high)
