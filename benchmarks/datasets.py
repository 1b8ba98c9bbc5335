"""What to expect of the presets about real data: federated beside pooled, over ten splits.

The protocol was written before the figures. A preset's numbers (rate, penalty) are chosen by a
registered search (docs/searching.md, docs/decisions/0098-…), or where a search does not go by
`tune`; both look at the training part of seed 43 alone, of which a part is held out;
docs/datasets.md says what was looked at besides. `measure` then runs
the preset with the seeds 1 to 10 (or 20), each another split, partition and order of rows, and
prints for the main metric the mean and standard deviation over seeds, and the paired difference
federated - pooled with its 95 % interval, corrected for the rows that splits share as in
`collegium compare` (docs/comparing.md). It speaks of other cuts of these rows; the intervals by
person that a run's report shows are the ones to quote for one split. Where the data fix the test
(an evaluator's persons, a published test part), seeds move the order of rows alone, and nothing is
corrected. The last column says where the interval is against .03: "within", "beyond", or
"undecided" where it is on both sides.

    python -m benchmarks.datasets measure                   all presets of the base install
    python -m benchmarks.datasets measure eicu activity
    python -m benchmarks.datasets measure intrusion --set 'data.partition={by="iid",sites=10}'
    python -m benchmarks.datasets tune scanners training.learning_rate=0.01,0.02,0.05

Where a preset is judged on sites that nobody trained on, `tune --sites 3` deals the training sites
themselves into three folds and trains without each in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.replication import mean_interval
from collegium.learning.models import predict
from collegium.measuring.quality import pooled_parameters
from collegium.report.wording import PRIMARY
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

BASE = ("heart", "eicu", "activity", "brca", "tumors", "scanners", "intrusion", "lungs")
"""Presets that need no extra."""

ALLOWED = 0.03
"""Federated training is to lose at most this much of the main metric to pooled training."""

TUNED_ON = 43
HELD_OUT = 0.25


def value(prepared: Prepared, parameters: Any, parts: Sequence[SiteRows]) -> float:
    """Return a model's main metric on rows of several parts together."""
    task = prepared.dataset.schema.task
    scores = np.concatenate([predict(prepared.parts.spec, parameters, rows.x) for rows in parts])
    y = np.concatenate([rows.y for rows in parts])
    found = measure(task, y, scores, prepared.study.evaluation.threshold)[PRIMARY[task]]
    return float("nan") if found is None else found


def one_seed(preset: str, changes: list[str], seed: int) -> dict[str, tuple[float, float, float]]:
    """Return (federated, pooled, overlap of splits) on each kind of rows that a preset has.

    The overlap is that of `mean_interval`.
    """
    base = [*changes, f"study.seed={seed}", "evaluation.bootstrap=0"]
    prepared = prepare(read_study(preset, base))
    federated = run_without_ledger(prepared).model.parameters
    pooled = pooled_parameters(prepared)
    found = {}
    for kind, parts in (
        ("test part", list(prepared.test.values())), ("unseen", list(prepared.dataset.unseen)),
    ):  # fmt: skip
        if parts:
            drawn = kind == "test part" and prepared.study.data.split.by != "published"
            shared = overlap(prepared) if drawn else 0.0
            both = value(prepared, federated, parts), value(prepared, pooled, parts)
            found[kind] = (*both, shared)
    folds = prepared.study.evaluation.folds
    if folds is not None:
        found["out of fold"] = (*out_of_fold(preset, base, folds), 1 / (folds - 1))
    return found


def overlap(prepared: Prepared) -> float:
    """Return test rows over training rows, of all sites."""
    tested, trained = (
        sum(len(rows.y) for rows in part.values()) for part in (prepared.test, prepared.train)
    )
    return tested / trained


def out_of_fold(preset: str, changes: list[str], folds: int) -> tuple[float, float]:
    """Return (federated, pooled) on all rows, each scored by models that never saw its person."""
    y, scores = [], ([], [])  # type: ignore[var-annotated]
    for number in range(1, folds + 1):
        prepared = prepare(read_study(preset, [*changes, f"evaluation.fold={number}"]))
        models = run_without_ledger(prepared).model.parameters, pooled_parameters(prepared)
        for rows in prepared.test.values():
            y.append(rows.y)
            for kept, model in zip(scores, models, strict=True):
                kept.append(predict(prepared.parts.spec, model, rows.x))
    task = prepared.dataset.schema.task
    federated, pooled = (
        measure(task, np.concatenate(y), np.concatenate(kept))[PRIMARY[task]] for kept in scores
    )
    if federated is None or pooled is None:
        raise ArithmeticError(preset)
    return federated, pooled


def report(preset: str, changes: list[str], seeds: Sequence[int]) -> Iterator[str]:
    """Yield a line of a table for each kind of rows."""
    told = [one_seed(preset, changes, seed) for seed in seeds]
    name = " ".join([preset, *changes])
    for kind in told[0]:
        both = np.array([one[kind] for one in told])
        apart = mean_interval(list(both[:, 0] - both[:, 1]), float(both[:, 2].mean()))
        if apart is None:
            raise ValueError("one seed tells nothing of how a difference varies")
        mean, spread = both.mean(axis=0), both.std(axis=0, ddof=1)
        verdict = "within" if apart.low >= -ALLOWED else "undecided"
        verdict = "beyond" if apart.high < -ALLOWED else verdict
        yield (
            f"| `{name}` | {kind} | {mean[0]:.4f} ({spread[0]:.4f}) | {mean[1]:.4f} "
            f"({spread[1]:.4f}) | {apart.value:+.4f} [{apart.low:+.4f}, {apart.high:+.4f}] "
            f"| {verdict} |"
        )


def tuned(preset: str, changes: Sequence[str]) -> float:
    """Return the federated main metric on held-out persons of the training part of seed 43."""
    prepared = prepare(read_study(preset, [f"study.seed={TUNED_ON}", *changes]))
    by = "time" if prepared.study.data.split.by == "time" else "person"
    train, held_out = {}, []
    for name, rows in prepared.train.items():
        if by == "person" and len(np.unique(rows.person)) < 4:
            train[name] = rows
            continue
        inner, outer = split(rows, HELD_OUT, TUNED_ON + 1, by)  # type: ignore[arg-type]
        train[name] = inner
        held_out.append(outer)
    return value(
        prepared, run_without_ledger(replace(prepared, train=train)).model.parameters, held_out
    )


def tuned_by_sites(preset: str, changes: Sequence[str], folds: int) -> list[float]:
    """Return for each fold of sites the federated main metric on them, trained without them.

    Sites are dealt in the order of their names, and count with their training parts alone.
    """
    prepared = prepare(read_study(preset, [f"study.seed={TUNED_ON}", *changes]))
    found = []
    for fold in range(folds):
        held_out = prepared.sites[fold::folds]
        train = {name: rows for name, rows in prepared.train.items() if name not in held_out}
        model = run_without_ledger(replace(prepared, train=train)).model.parameters
        found.append(value(prepared, model, [prepared.train[name] for name in held_out]))
    return found


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["measure", "tune"])
    parser.add_argument("names", nargs="*", help="presets; for tune one, then key=value,value")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sites", type=int, metavar="FOLDS", help="tune on folds of sites")
    parser.add_argument("--set", action="append", default=[], help="key=value, as of run")
    asked = parser.parse_args()
    if asked.what == "measure":
        print("| preset | rows | federated (sd) | pooled (sd) | difference [95 %] | against .03 |")
        print("|---|---|---|---|---|---|")
        for preset in asked.names or BASE:
            for line in report(preset, asked.set, range(1, asked.seeds + 1)):
                print(line, flush=True)
        return
    if not asked.names:
        parser.error("tune needs a preset")
    preset, *keys = asked.names
    grid = [[f"{key}={one}" for one in values.split(",")] for key, values in
            (one.split("=", 1) for one in keys)]  # fmt: skip
    for chosen in product(*grid):
        changes = [*asked.set, *chosen]
        if asked.sites:
            each = tuned_by_sites(preset, changes, asked.sites)
            print(f"{np.mean(each):.4f} {np.round(each, 4)}  {' '.join(changes)}", flush=True)
            continue
        print(f"{tuned(preset, changes):.4f}  {' '.join(changes)}", flush=True)


if __name__ == "__main__":
    main()
