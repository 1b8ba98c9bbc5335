"""How the run went: who took part, round by round, learning curves, time and bytes by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from collegium.audit.findings import Selection, SiteShare
from collegium.data.table import Task
from collegium.report.measurements import FinalLine, RoundLine
from collegium.study.document import Study

CURVES: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "ordinal": ("qwk", "log_loss"),
    "regression": ("mae", "r2"),
    "count": ("poisson_deviance", "mae"),
    "survival": ("c_index",),
    "segmentation": ("dice",),
}
"""What learning curves show for each task."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A site in the run; row counts are None where the run did not tell them.

    `rounds` of `of` closed rounds include its update. `share` is None where weights have no say.
    """

    name: str
    training_rows: int | None
    test_rows: int | None
    rounds: int
    of: int
    share: SiteShare | None = None


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A closed round: `missing` are the sites whose updates are not in it."""

    round: int
    attempt: int
    included: int
    missing: tuple[str, ...]
    entries: int
    model: str
    app_hash: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A measure on training rows after rounds: points (round, value), in order."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """One measure's learning curves: over all sites, and of each site that withholds nothing."""

    measure: str
    overall: Curve
    sites: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """A phase's seconds or bytes over the whole run, and the median of its rounds if any."""

    phase: str
    total: float
    median: float | None


def participants(
    sites: Sequence[str], lines: Sequence[RoundLine], final: FinalLine | None,
    signed: Mapping[str, int | None], shares: Mapping[str, SiteShare] | None = None,
) -> tuple[Participant, ...]:  # fmt: skip
    """Return every site with its rows and the rounds that include it.

    Args:
        sites: their names.
        lines: the rounds.
        final: what the run measured; real members tell it no rows.
        signed: test rows by site, as its statement tells them.
        shares: of the weight, by site, as the ledger tells them.
    """
    rows = {} if final is None else final.rows
    return tuple(
        Participant(
            name,
            rows[name][0] if name in rows else None,
            rows[name][1] if name in rows else signed.get(name),
            sum(name in line.included for line in lines),
            len(lines),
            (shares or {}).get(name),
        )
        for name in sites
    )


def round_rows(sites: Sequence[str], lines: Sequence[RoundLine]) -> tuple[RoundRow, ...]:
    """Return the closed rounds in order."""
    return tuple(
        RoundRow(
            round=line.round,
            attempt=line.attempt,
            included=len(line.included),
            missing=tuple(name for name in sites if name not in line.included),
            entries=line.entries,
            model=line.model,
            app_hash=line.app_hash,
        )
        for line in lines
    )


def curves(task: Task, tellers: Sequence[str], lines: Sequence[RoundLine]) -> tuple[Curves, ...]:
    """Return the learning curves of a task's measures, without those that were not measured.

    Args:
        task: says which measures.
        tellers: sites that withheld nothing of their test part; of the others no curve is drawn,
            for it could tell what they keep to themselves.
        lines: the closed rounds.
    """
    found = []
    for measure in CURVES[task]:
        overall = _curve("all sites", "overall", measure, lines)
        if overall.points:
            own = (_curve(name, name, measure, lines) for name in tellers)
            found.append(Curves(measure, overall, tuple(one for one in own if one.points)))
    return tuple(found)


def costs(rounds: Sequence[Mapping[str, float]], after: Mapping[str, float]) -> tuple[Cost, ...]:
    """Return seconds or bytes by phase, in the order in which the run first named the phases.

    Args:
        rounds: each closed round's part by phase.
        after: what came after the last round, by phase.
    """
    found = []
    for phase in dict.fromkeys(name for told in (*rounds, after) for name in told):
        values = [told[phase] for told in rounds if phase in told]
        total = sum(values) + after.get(phase, 0)
        found.append(Cost(phase, total, median(values) if values else None))
    return tuple(found)


def _curve(name: str, key: str, measure: str, lines: Sequence[RoundLine]) -> Curve:
    points = ((line.round, line.training_metrics.get(key, {}).get(measure)) for line in lines)
    return Curve(name, tuple((number, value) for number, value in points if value is not None))


def refused(final: FinalLine | None) -> tuple[tuple[str, int], ...]:
    """Return how many messages of whom were refused or surplus, by participant."""
    if final is None:
        return ()
    counts = {**final.rejected, **{f"{who}: surplus": n for who, n in final.dropped.items()}}
    return tuple((name, number) for name, number in sorted(counts.items()) if number)


def planted(study: Study) -> str:
    """Return in words which adversary was planted, nothing without one."""
    threat = study.threat
    if threat is None:
        return ""
    who = (
        f"{threat.attackers} of the participants"
        if isinstance(threat.attackers, int)
        else ", ".join(threat.attackers)
    )
    when = (
        f" in round{'s' if len(threat.rounds) > 1 else ''} {', '.join(map(str, threat.rounds))}"
        if threat.rounds
        else ""
    )
    return f"“{threat.attack}” by {who}{when}"


def tried_rounds(
    study: Study, rounds: Sequence[RoundLine], selection: Selection | None
) -> list[RoundLine]:
    """Return the closed rounds of the chosen trial, numbered from 1; all without a search."""
    if selection is None or not selection.trials:
        return list(rounds)
    before = (selection.trial - 1) * study.training.rounds
    return [
        msgspec.structs.replace(line, round=line.round - before)
        for line in rounds
        if before < line.round <= before + study.training.rounds
    ]
