"""One job of a robustness benchmark: rehearsals of its study, and how often they are right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np

from collegium.assembly.preparation import Prepared, prepare
from collegium.benchmark.grid import Job, placements
from collegium.errors import RunError, StudyError
from collegium.learning.encoding import registered_weight
from collegium.learning.models import predict
from collegium.plugins import find, names
from collegium.simulation.ledgerless import LedgerlessRun, run_without_ledger
from collegium.study.document import Scores, Study, Threat
from collegium.study.reading import parse_study
from collegium.study.rendering import resolved

Part = Literal["train", "test"]

_PLACE = "the study of a trial"
"""What stands before a refusal instead of a file's name."""


class CleanTrial(msgspec.Struct, frozen=True, kw_only=True, tag="clean"):
    """A run in which nobody attacks: rows that are right and all rows, by site."""

    rule: str
    count: int
    split: int
    sites: dict[str, tuple[int, int]]


class AttackedTrial(msgspec.Struct, frozen=True, kw_only=True, tag="attacked"):
    """A run under attack: rows of the honest sites that are right, and all of them.

    `share` is the attackers' part of all aggregation weight; `outcome` is the study's.
    """

    rule: str
    count: int
    split: int
    attack: str
    attackers: tuple[str, ...]
    share: float
    right: int
    rows: int
    outcome: str


class RefusedTrial(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """A rule that cannot work with these numbers, and why."""

    rule: str
    count: int
    split: int
    attack: str | None
    why: str


Line = CleanTrial | AttackedTrial | RefusedTrial
"""What a trial leaves in the benchmark's record."""


def try_job(base: Study, job: Job, wanted: int, part: Part) -> list[Line]:
    """Return what a job comes to.

    Args:
        base: the study that every job changes.
        job: says how.
        wanted: placements of the attackers.
        part: the rows that count; "train" in order to choose something.

    Raises:
        RunError: ``bench.task``, the study's task has no accuracy.
    """
    study = changed(base, job)
    try:
        prepared = _prepared(study)
    except StudyError as error:
        return [_refused(job, error)]
    if job.attack is None:
        sites = _clean_rows(prepared, part)
        return [CleanTrial(rule=job.rule, count=job.count, split=job.split, sites=sites)]
    weights = weights_of(prepared)
    found: list[Line] = []
    for attackers in placements(weights, job.count, wanted, job.split):
        threat = Threat(attack=job.attack, attackers=attackers)
        try:
            right, rows, outcome = rows_under_attack(study, threat, part)
        except StudyError as error:  # whoever attacks: the rule and the attack do not go together
            return [_refused(job, error)]
        found.append(
            AttackedTrial(
                rule=job.rule, count=job.count, split=job.split, attack=job.attack,
                attackers=attackers, share=sum(weights[name] for name in attackers)
                / sum(weights.values()), right=right, rows=rows, outcome=outcome,
            )
        )  # fmt: skip
    return found


def _refused(job: Job, error: StudyError) -> RefusedTrial:
    what = re.sub(rf"^{_PLACE}(:\d+)?: ", "", error.what)
    return RefusedTrial(
        rule=job.rule, count=job.count, split=job.split, attack=job.attack,
        why=f"{what}: {error.why}",
    )  # fmt: skip


def clean_rows(study: Study, part: Part) -> tuple[Prepared, dict[str, tuple[int, int]]]:
    """Return a study as prepared, and how many of each site's rows its clean run gets right.

    Raises:
        CollegiumError: it cannot be prepared; ``bench.task``, its task has no accuracy.
    """
    prepared = _prepared(study)
    return prepared, _clean_rows(prepared, part)


def weights_of(prepared: Prepared) -> dict[str, int]:
    """Return each site's aggregation weight by its rows."""
    return {name: registered_weight(len(rows.y)) for name, rows in prepared.train.items()}


def rows_under_attack(study: Study, threat: Threat, part: Part) -> tuple[int, int, str]:
    """Return how many rows of the honest sites are right under attack, all rows, the outcome."""
    attacked = _prepared(msgspec.structs.replace(study, threat=threat))
    ended = run_without_ledger(attacked)
    honest = [name for name in attacked.sites if name not in attacked.attackers]
    counts = right_of(attacked, ended, honest, part).values()
    return sum(one for one, _ in counts), sum(rows for _, rows in counts), ended.outcome


def changed(base: Study, job: Job) -> Study:
    """Return the study of a job: its rule, how many bad updates that must bear, its split.

    FedAvg stands for the usual way, so it bears none and carries no momentum. Of a rule by scores
    that promises nothing about bad updates none is demanded either.
    """
    plain = job.rule == "fedavg"
    last, scores = job.rule.split("+")[-1], None
    rule = find("rules", last) if last in names("rules") else None
    by = getattr(rule, "by", None)
    borne = 0 if plain or not getattr(rule, "tolerates", True) else job.count
    if by is not None:
        scores = msgspec.structs.replace(base.aggregation.scores or Scores(), by=by)
    return msgspec.structs.replace(
        base,
        study=msgspec.structs.replace(base.study, seed=job.split),
        training=msgspec.structs.replace(
            base.training, site_momentum=None if plain else base.training.site_momentum
        ),
        aggregation=msgspec.structs.replace(
            base.aggregation, rule=job.rule, tolerate=borne, scores=scores
        ),
        threat=None,
    )


def right_of(
    prepared: Prepared, ended: LedgerlessRun, sites: Iterable[str], part: Part
) -> dict[str, tuple[int, int]]:
    """Return how many of each site's rows a model gets right, and how many it has."""
    spec, found = prepared.parts.spec, {}
    for name in sites:
        rows = (prepared.test if part == "test" else prepared.train)[name]
        scores = predict(spec, ended.parameters, rows.x)
        if spec.loss == "logistic":
            said = (scores[:, 0] >= prepared.study.evaluation.threshold).astype(np.int64)
        else:
            said = scores.argmax(axis=1)
        found[name] = int(np.count_nonzero(said == rows.y)), len(rows.y)
    return found


def _clean_rows(prepared: Prepared, part: Part) -> dict[str, tuple[int, int]]:
    if prepared.dataset.schema.task == "regression":
        raise RunError(
            "bench.task", f"the study {prepared.study.study.id} predicts a number",
            "the benchmark tells losses in points of accuracy", "choose a study with classes",
        )  # fmt: skip
    return right_of(prepared, run_without_ledger(prepared), prepared.sites, part)


def _prepared(study: Study) -> Prepared:
    return prepare(parse_study(resolved(study), _PLACE))
