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
(an evaluator's persons, a published test part, each person's latest rows), seeds move the order of
rows alone, so the interval is of the test rows too: persons are drawn with replacement, the same
for all seeds, and what seeds add is added in quadrature. The last column says where the interval is
against .03: "within", "beyond", or "undecided" where it is on both sides. `accuracy` is the
README's table: accuracies of the three ways of training at seed 43 and over seeds; `noise` is what
patients' privacy costs. docs/datasets.md, docs/privacy.md and README.md have these tables with
their commands, which tools/figures.py runs again.

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
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.federation.local_trainers import LocalTrainers
from collegium.learning.evaluation.intervals import Interval, intervals_of_difference
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.replication import mean_interval
from collegium.learning.models import predict
from collegium.measuring.quality import pooled_parameters, scores_of
from collegium.report.wording import PRIMARY
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

BASE = ("heart", "eicu", "activity", "brca", "tumors", "scanners", "intrusion", "lungs")
"""Presets that need no extra."""

ALLOWED = 0.03
"""Federated training is to lose at most this much of the main metric to pooled training."""

TUNED_ON = 43
HELD_OUT = 0.25

SEEDS = 10

RESAMPLINGS = 1000
"""Of the rows of a fixed test."""


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What a seed came to on one kind of rows.

    Attributes:
        federated: the main metric of the federated model.
        pooled: of the pooled one.
        overlap: of the splits, as `mean_interval` takes it.
        fixed: y, site and person of rows that are the same for every seed; None if they are drawn.
        scores: both models' there.
    """

    federated: float
    pooled: float
    overlap: float
    fixed: tuple[Any, Any, Any] | None = None
    scores: tuple[Any, Any] | None = None


def scores(prepared: Prepared, parameters: Any, parts: Sequence[SiteRows]) -> Any:
    """Return a model's scores on rows of several parts together."""
    return np.concatenate([predict(prepared.parts.spec, parameters, rows.x) for rows in parts])


def value(prepared: Prepared, parameters: Any, parts: Sequence[SiteRows], name: str = "") -> float:
    """Return a model's main metric, or another, on rows of several parts together."""
    task = prepared.dataset.schema.task
    y = np.concatenate([rows.y for rows in parts])
    told = scores(prepared, parameters, parts)
    found = measure(task, y, told, prepared.study.evaluation.threshold)[name or PRIMARY[task]]
    return float("nan") if found is None else found


def one_seed(preset: str, changes: list[str], seed: int) -> dict[str, Tested]:
    """Return what a seed comes to on each kind of rows that a preset has."""
    base = [*changes, f"study.seed={seed}", "evaluation.bootstrap=0"]
    prepared = prepare(read_study(preset, base))
    models = run_without_ledger(prepared).model.parameters, pooled_parameters(prepared)
    found = {}
    by, share = prepared.study.data.split.by, 100 * prepared.study.data.split.test
    named: dict[str | None, str] = {
        "published": "published test part", "time": f"latest rows ({share:.0f} %)",
    }  # fmt: skip
    for kind, parts, drawn in (
        (named.get(by, f"test part ({share:.0f} %)"), [*prepared.test.values()], by not in named),
        ("evaluator's rows", [*prepared.dataset.unseen], False),
    ):
        if not parts:
            continue
        both = [value(prepared, model, parts) for model in models]
        if drawn:
            found[kind] = Tested(both[0], both[1], overlap(prepared))
            continue
        fixed = (
            np.concatenate([rows.y for rows in parts]),
            np.concatenate([np.full(len(rows.y), place) for place, rows in enumerate(parts)]),
            np.concatenate([rows.person for rows in parts]),
        )
        told = scores(prepared, models[0], parts), scores(prepared, models[1], parts)
        found[kind] = Tested(both[0], both[1], 0.0, fixed, told)
    folds = prepared.study.evaluation.folds
    if folds is not None:
        found["out of fold"] = Tested(*out_of_fold(preset, base, folds), 1 / (folds - 1))
    return found


def difference(preset: str, changes: list[str], told: Sequence[Tested]) -> Interval:
    """Return the mean difference over seeds with its interval; of fixed rows, over these too."""
    apart = mean_interval(
        [one.federated - one.pooled for one in told],
        float(np.mean([one.overlap for one in told])),
    )
    if apart is None:
        raise ValueError("one seed tells nothing of how a difference varies")
    if told[0].fixed is None:
        return apart
    study = prepare(read_study(preset, changes))
    task = study.dataset.schema.task
    y, site, person = told[0].fixed
    if any(one.fixed is None or not np.array_equal(one.fixed[0], y) for one in told):
        raise ValueError("seeds were tested on other rows")
    rows = intervals_of_difference(
        task, y, [one.scores for one in told if one.scores is not None],
        threshold=study.study.evaluation.threshold, replicates=RESAMPLINGS, seed=1, site=site,
        person=person,
    )[PRIMARY[task]]  # fmt: skip
    if rows is None:
        raise ArithmeticError(preset)
    below = np.hypot(apart.value - apart.low, rows.value - rows.low)
    above = np.hypot(apart.high - apart.value, rows.high - rows.value)
    return Interval(apart.value, apart.value - float(below), apart.value + float(above))


def short(number: float, digits: int = 4, *, signed: bool = False) -> str:
    """Return a number as tables have it: .8681, −.0024."""
    text = f"{number:{'+' if signed else ''}.{digits}f}"
    return text.replace("0.", ".", 1).replace("-", "−")


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
    number = [] if len(seeds) == SEEDS else [f"--seeds {len(seeds)}"]
    name = ", ".join(f"`{one}`" for one in [preset, *changes, *number])
    for kind in told[0]:
        kinds = [one[kind] for one in told]
        both = np.array([(one.federated, one.pooled) for one in kinds])
        apart = difference(preset, changes, kinds)
        mean, spread = both.mean(axis=0), both.std(axis=0, ddof=1)
        verdict = "within" if apart.low >= -ALLOWED else "undecided"
        verdict = "beyond" if apart.high < -ALLOWED else verdict
        yield (
            f"| {name} | {kind} | {short(mean[0])} ({short(spread[0])}) | {short(mean[1])} "
            f"({short(spread[1])}) | {short(apart.value, signed=True)} "
            f"[{short(apart.low, signed=True)}, {short(apart.high, signed=True)}] | {verdict} |"
        )


def accuracies(preset: str, changes: list[str], seeds: Sequence[int]) -> Iterator[str]:
    """Yield lines of the test rows' accuracy by way of training: at `TUNED_ON`, and over seeds."""
    found: dict[str, list[float]] = {"pooled": [], "federated": [], "local": []}
    for seed in (TUNED_ON, *seeds):
        prepared = prepare(
            read_study(preset, [*changes, f"study.seed={seed}", "evaluation.bootstrap=0"])
        )
        parts = list(prepared.test.values())
        model = run_without_ledger(prepared).model.parameters
        found["pooled"].append(value(prepared, pooled_parameters(prepared), parts, "accuracy"))
        found["federated"].append(value(prepared, model, parts, "accuracy"))
        work = LocalTrainers(
            prepared.study, prepared.parts.spec, prepared.parts.trainer, prepared.train
        )
        own = scores_of(prepared, work.alone)
        if own is None:
            raise ArithmeticError(preset)
        y = np.concatenate([prepared.test[name].y for name in own])
        told = measure(prepared.dataset.schema.task, y, np.concatenate(list(own.values())))
        found["local"].append(told["accuracy"] or 0.0)
    for name, about in (
        ("pooled", "pooled: one model trained on all rows"), ("federated", "federated"),
        ("local", "local only: each hospital trains on its own rows"),
    ):  # fmt: skip
        first, *others = found[name]
        yield f"| {about} | {short(first, 3)} | {short(float(np.mean(others)), 3)} |"


def noise(preset: str, changes: list[str], seeds: Sequence[int]) -> Iterator[str]:
    """Yield lines of the mean accuracy on test rows without noise and by epsilon of patients."""
    for epsilon in (None, 8.0, 4.0, 2.0, 1.0):
        private = f'privacy.differential_privacy={{unit="patient",epsilon={epsilon},delta=1e-5}}'
        found = []
        for seed in seeds:
            asked = [*changes, f"study.seed={seed}", *([] if epsilon is None else [private])]
            prepared = prepare(read_study(preset, asked))
            model = run_without_ledger(prepared).model.parameters
            found.append(value(prepared, model, list(prepared.test.values()), "accuracy"))
        named = "none" if epsilon is None else f"epsilon {epsilon:g}"
        mean, spread = float(np.mean(found)), float(np.std(found, ddof=1))
        yield f"| {named} | {short(mean, 3)} ({short(spread, 3)}) |"


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


TABLES = {
    "measure": (report, "| preset | rows | federated | pooled | difference | against .03 |"),
    "accuracy": (accuracies, "| | at seed 43 | mean over splits |"),
    "noise": (noise, "| noise | accuracy |"),
}


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*TABLES, "tune"])
    parser.add_argument("names", nargs="*", help="presets; for tune one, then key=value,value")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--sites", type=int, metavar="FOLDS", help="tune on folds of sites")
    parser.add_argument("--set", action="append", default=[], help="key=value, as of run")
    asked = parser.parse_args()
    if asked.what in TABLES:
        lines, header = TABLES[asked.what]
        print(header)
        print("|" + "---|" * (header.count("|") - 1))
        for preset in asked.names or BASE:
            for line in lines(preset, asked.set, range(1, asked.seeds + 1)):
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
