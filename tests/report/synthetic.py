"""Runs that never were: what a report is made of, for each task, with what may go wrong in one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from msgspec import structs

from collegium.audit.findings import NOT_PROVEN, SIMULATED, Finding, Verification
from collegium.audit.subjects import AboutMember, At
from collegium.canonical import to_text
from collegium.data.table import Category, Feature, Schema, Task
from collegium.learning.evaluation.calibration import reliability
from collegium.learning.evaluation.calls import (
    confusion,
    precision_recall,
    predictive_resampled,
    roc,
)
from collegium.learning.evaluation.disclosure import statement_of
from collegium.learning.evaluation.intervals import (
    intervals,
    intervals_by,
    intervals_of_difference,
)
from collegium.learning.evaluation.metrics import measure
from collegium.measuring.risks import risks_of
from collegium.report.content import Provenance, ReportContent, build_content
from collegium.report.figures import PostedStatement
from collegium.report.measurements import (
    Calibration,
    CalledRows,
    FinalLine,
    Interval,
    Line,
    Quality,
    RoundLine,
)
from collegium.study.document import (
    Data,
    Evaluation,
    Identity,
    Model,
    Study,
    Training,
)

MODEL = "ab" * 32
SITES = ("aachen", "brugge", "cagliari", "dorpat")
ROUNDS = 12
REPLICATES = 60
ROWS = (90, 70, 12, 45)
CLASSES: dict[Task, tuple[str, ...]] = {
    "binary": ("absent", "present"),
    "multiclass": ("none", "mild", "severe"),
    "ordinal": ("none", "mild", "severe"),
    "regression": (),
    "count": (),
    "survival": (),
    "segmentation": (),
}

Scores = dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """Everything that `build_content` takes."""

    study: Study
    data: Provenance
    lines: tuple[Line, ...]
    verification: Verification
    posted: tuple[PostedStatement, ...]
    versions: dict[str, str] = field(default_factory=lambda: {"collegium": "0.0.9"})

    def content(self, **changed: Any) -> ReportContent:
        one = replace(self, **changed)
        return build_content(
            one.study, one.data, one.lines, one.verification, one.posted, one.versions
        )


def provenance(task: Task) -> Provenance:
    return Provenance(
        title="Patients that never were",
        license="CC0 1.0",
        citation="Nobody (2024). Patients that never were.",
        url="https://example.org/patients",
        schema=Schema(
            features=(
                Feature("age", "age", "numeric", "years", 50.0, 10.0),
                Feature("cp", "pain", "categorical", categories=(Category("1", "none"),)),
            ),
            target="sick",
            task=task,
            classes=CLASSES[task],
            positive="a fever that lasts a week" if task == "binary" else "",
            event="died" if task == "survival" else "",
        ),
    )


def rows(task: Task, seed: int = 1) -> tuple[dict[str, Any], Scores, Scores, Scores]:
    """True values, and what three models say, by site; the third site has one class only."""
    random = np.random.default_rng(seed)
    truth: dict[str, Any] = {}
    models: tuple[Scores, Scores, Scores] = ({}, {}, {})
    for place, (site, number) in enumerate(zip(SITES, ROWS, strict=True)):
        if task == "regression":
            truth[site] = random.normal(40, 10, number).astype(np.float32)
        elif task == "count":
            truth[site] = random.poisson(4, number).astype(np.float32)
        elif task == "survival":
            time = random.exponential(300, number)
            seen = random.random(number) < (0.1 if place == 2 else 0.6)
            truth[site] = np.stack([np.ceil(time), seen], axis=1).astype(np.float32)
        elif task == "segmentation":
            truth[site] = (random.random((number, 9)) < 0.4).astype(np.float32)
        else:
            truth[site] = random.integers(0, len(CLASSES[task]), number)
            if place == 2:
                truth[site][:] = 1
        for scores in models:
            if task == "binary":
                logit = 1.6 * (2 * truth[site] - 1) + random.normal(0, 1.6, number)
                scores[site] = (1 / (1 + np.exp(-logit)))[:, None]
            elif task == "count":
                scores[site] = np.abs(truth[site] + random.normal(0, 1, number))[:, None]
            elif task == "survival":
                order = -np.log(truth[site][:, 0])
                scores[site] = (order + random.normal(0, 1, number))[:, None]
            elif task == "segmentation":
                logit = 1.6 * (2 * truth[site] - 1) + random.normal(0, 1.6, truth[site].shape)
                scores[site] = 1 / (1 + np.exp(-logit))
            elif task != "regression":
                logits = 1.5 * np.eye(3)[truth[site]] + random.normal(0, 1, (number, 3))
                scores[site] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            else:
                scores[site] = (truth[site] + random.normal(0, 4, number))[:, None]
    return truth, *models


def quality(task: Task, truth: dict[str, Any], scores: Scores) -> Quality:
    y, together = np.concatenate(list(truth.values())), np.concatenate(list(scores.values()))
    told = {"threshold": 0.5, "replicates": REPLICATES, "seed": 3}
    overall = intervals(task, y, together, **told)  # type: ignore[arg-type]
    sites = {name: intervals(task, truth[name], scores[name], **told) for name in truth}  # type: ignore[arg-type]
    table = reliability(task, y, together) if CLASSES[task] else ()
    return Quality(
        overall=measure(task, y, together),
        sites={name: measure(task, truth[name], scores[name]) for name in truth},
        overall_intervals=_plain(overall),
        site_intervals={name: _plain(found) for name, found in sites.items()},
        calibration=tuple(Calibration(one.rows, one.mean_score, one.rate) for one in table),
        risks=risks_of([one == 1 for one in truth.values()], [s[:, 0] for s in scores.values()])
        if task == "binary"
        else None,
    )


def called(task: Task, y: Any, scores: Any) -> CalledRows:
    """How the first model calls all rows, each of another person."""
    told = CalledRows(rows=len(y), persons=len(y))
    if not CLASSES[task]:
        return told
    counted = confusion(task, y, scores, 0.5).tolist()
    told = structs.replace(told, confusion=tuple(map(tuple, counted)))
    if task != "binary":
        return told
    positive, score = y == 1, scores[:, 0]
    found = intervals_by(
        lambda counts: predictive_resampled(positive, score, 0.5, counts), len(y),
        replicates=REPLICATES, seed=3,
    )  # fmt: skip
    return structs.replace(
        told, values={name: one and one.value for name, one in found.items()},
        intervals=_plain(found), roc=tuple(map(tuple, roc(positive, score).tolist())),
        precision=tuple(map(tuple, precision_recall(positive, score).tolist())),
    )  # fmt: skip


def inputs(task: Task = "binary") -> Inputs:
    """A completed, simulated run of a task."""
    truth, federated, local, pooled = rows(task)
    y = np.concatenate(list(truth.values()))
    joined = [np.concatenate(list(one.values())) for one in (federated, local, pooled)]
    told = {"threshold": 0.5, "replicates": REPLICATES, "seed": 3}
    differences = [
        _plain(intervals_of_difference(task, y, [(joined[0], other)], **told))  # type: ignore[arg-type]
        for other in joined[1:]
    ]
    posted = tuple(
        PostedStatement(
            site,
            statement_of(
                task,
                truth[site],
                scores[site],
                threshold=0.5,
                replicates=REPLICATES,
                seed=3,
                model=to_text(bytes.fromhex(MODEL)),
                kind=kind,  # type: ignore[arg-type]
            ),
        )
        for site in SITES
        for kind, scores in (("federated", federated), ("local", local))
    )
    final = FinalLine(
        outcome="completed",
        model=MODEL,
        seconds={"training": 1.25, "validators": 0.5, "comparison": 2.0},
        bytes={"blobs": 123456, "ledger": 45678},
        federated=quality(task, truth, federated),
        local=quality(task, truth, local),
        pooled=quality(task, truth, pooled),
        pooled_reason=None,
        difference_to_local=differences[0],
        difference_to_pooled=differences[1],
        rows={site: (2 * number, number) for site, number in zip(SITES, ROWS, strict=True)},
        rejected={},
        dropped={},
        tested=called(task, y, joined[0]),
    )
    study = Study(
        study=Identity(id="fever", title="Fever in four towns", question="Who has it?", seed=3),
        data=Data(source="nobody"),
        model=Model(architecture="logistic"),
        training=Training(rounds=ROUNDS, learning_rate=0.05),
        evaluation=Evaluation(threshold=0.5, bootstrap=REPLICATES),
    )
    lines: tuple[Line, ...] = (
        *(round_line(task, number) for number in range(1, ROUNDS + 1)),
        final,
    )
    return Inputs(study, provenance(task), lines, verification(), posted)


def round_line(task: Task, number: int, **changed: Any) -> RoundLine:
    learned = 1 - 0.5 * 0.8**number
    value = {"auc": learned, "accuracy": learned - 0.05, "log_loss": 1 - learned / 2}
    value |= {"qwk": learned, "c_index": learned, "mae": 10 - 5 * learned, "r2": learned}
    value |= {"dice": learned, "iou": learned - 0.1}
    value["poisson_deviance"] = 2 - learned
    sites = {
        site: {name: one - 0.01 * place for name, one in value.items()}
        for place, site in enumerate(SITES)
    }
    told: dict[str, Any] = {
        "round": number,
        "attempt": 1,
        "model": f"{number:02d}" * 32,
        "included": SITES,
        "seconds": {"training": 0.1, "validators": 0.04},
        "bytes": {"blobs": 10_000, "ledger": 3_500},
        "training_metrics": {**sites, "overall": value},
        "entries": 20 * number,
        "app_hash": f"{number + 50:02d}" * 32,
    }
    return RoundLine(**{**told, **changed})


def verification(*findings: Finding, **changed: Any) -> Verification:
    """What verification says of a run with these findings."""
    told: dict[str, Any] = {
        "ok": not any(one.severity == "error" for one in findings),
        "anchored": "none",
        "complete": True,
        "checked": {"signatures": 250, "entries": 251, "rounds": ROUNDS, "statements": 8},
        "levels": {"recomputed": ROUNDS},
        "findings": findings,
        "not_proven": (*NOT_PROVEN, SIMULATED),
        "claims": "Consistent with itself only.",
        "genesis": "cd" * 32,
        "app_hash": "ef" * 32,
        "entries": 251,
        "model": MODEL,
        "simulated": True,
    }
    return Verification(**{**told, **changed})


LIAR = Finding(
    "validator.outvoted",
    "fault",
    AboutMember("brugge", "fever", (At(5),)),
)


def _plain(found: dict[str, Any]) -> dict[str, Interval | None]:
    return {
        name: None if one is None else Interval(one.low, one.high) for name, one in found.items()
    }
