"""What a benchmark's trials say together: losses with intervals, the worst attack on each rule.

A loss is taken on the same honest sites' rows: what the rule gets right there in its own clean run
less what it gets right under attack, in points of accuracy. Placements within a split share their
rows, so a split's mean over placements is one observation, and the 95 % interval is Student's over
splits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

import msgspec

from collegium.benchmark.trial import AttackedTrial, CleanTrial, Line, RefusedTrial

T975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t at 97.5 %, for 1 to 30 degrees of freedom."""


FEWEST_SPLITS = 3
"""With an interval. That of two has one degree of freedom, and is wider than any measure."""


class Mean(msgspec.Struct, frozen=True):
    """A mean over splits with its 95 % interval, None of fewer splits than make one."""

    value: float
    low: float | None
    high: float | None


class AttackSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A rule against an attack, in points of accuracy.

    Attributes:
        attack: its name.
        loss: of accuracy.
        kept: accuracy under the attack.
        largest: the largest loss of a trial.
        trials: how many.
        failed: studies that ended without a model.
    """

    attack: str
    loss: Mean
    kept: Mean
    largest: float
    trials: int
    failed: int


class RuleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule stands against so many attackers.

    Attributes:
        rule: its name.
        count: of attackers.
        refused: why the rule cannot work with them, else None.
        clean: accuracy without an attack, on the rows that losses are taken on, in points.
        against: every attack, the worst one first.
        hindsight: the loss if attackers chose the best attack for each split and placement.
    """

    rule: str
    count: int
    refused: str | None = None
    clean: Mean | None = None
    against: tuple[AttackSummary, ...] = ()
    hindsight: Mean | None = None


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a default, what was measured, and whether it holds; None if undecided."""

    says: str
    measured: str
    holds: bool | None


def rule_summaries(lines: Iterable[Line]) -> list[RuleSummary]:
    """Return how each rule stands, in the order in which they were tried."""
    clean: dict[tuple[str, int, int], CleanTrial] = {}
    attacked: dict[tuple[str, int], list[AttackedTrial]] = defaultdict(list)
    found: dict[tuple[str, int], RuleSummary] = {}
    for line in lines:
        key = (line.rule, line.count)
        if isinstance(line, RefusedTrial):
            found[key] = RuleSummary(rule=line.rule, count=line.count, refused=line.why)
            continue
        found.setdefault(key, RuleSummary(rule=line.rule, count=line.count))
        if isinstance(line, CleanTrial):
            clean[line.rule, line.count, line.split] = line
        else:
            attacked[key].append(line)
    return [
        one if one.refused is not None else _standing(one, clean, attacked[one.rule, one.count])
        for one in found.values()
    ]


def _standing(
    standing: RuleSummary,
    clean: dict[tuple[str, int, int], CleanTrial],
    trials: list[AttackedTrial],
) -> RuleSummary:
    by_attack: dict[str, list[_Tried]] = defaultdict(list)
    cleans: dict[int, dict[tuple[str, ...], float]] = defaultdict(dict)
    worst: dict[int, dict[tuple[str, ...], float]] = defaultdict(dict)
    for one in trials:
        honest = clean_on(clean.get((one.rule, one.count, one.split)), one.attackers)
        if honest is None:
            continue
        loss = honest - 100.0 * one.right / one.rows
        by_attack[one.attack].append(_Tried(one, loss, honest - loss))
        cleans[one.split][one.attackers] = honest
        before = worst[one.split].get(one.attackers, loss)
        worst[one.split][one.attackers] = max(before, loss)
    against = [_against(attack, losses) for attack, losses in sorted(by_attack.items())]
    if cleans:
        accuracy = mean_of([fmean(values.values()) for values in cleans.values()])
    else:
        whole = [clean_on(one, ()) for key, one in clean.items() if key[:2] == (
            standing.rule, standing.count)]  # fmt: skip
        accuracy = mean_of([value for value in whole if value is not None])
    return msgspec.structs.replace(
        standing,
        clean=accuracy,
        against=tuple(sorted(against, key=lambda one: -one.loss.value)),
        hindsight=mean_of([fmean(values.values()) for values in worst.values()]),
    )


class _Tried(NamedTuple):
    trial: AttackedTrial
    loss: float
    kept: float


def _against(attack: str, tried: list[_Tried]) -> AttackSummary:
    return AttackSummary(
        attack=attack,
        loss=_mean(by_split((one.trial.split, one.loss) for one in tried)),
        kept=_mean(by_split((one.trial.split, one.kept) for one in tried)),
        largest=max(one.loss for one in tried),
        trials=len(tried), failed=sum(one.trial.outcome == "failed" for one in tried),
    )  # fmt: skip


def ranked(standings: Iterable[RuleSummary], count: int) -> list[RuleSummary]:
    """Return the rules that so many attacked, the one first that keeps most under its worst."""
    attacked = [one for one in standings if one.count == count and one.against]
    return sorted(attacked, key=lambda one: -one.against[0].kept.value)


def clean_on(line: CleanTrial | None, without: Sequence[str]) -> float | None:
    """Return a clean run's accuracy on the rows of all sites but some, in points."""
    if line is None:
        return None
    return accuracy_without(line.sites, without)


def accuracy_without(sites: Mapping[str, tuple[int, int]], without: Sequence[str]) -> float:
    """Return the part of rows that are right at all sites but some, in points.

    Args:
        sites: rows that are right and all rows, by site.
        without: sites that do not count.
    """
    counts = [counts for name, counts in sites.items() if name not in without]
    return 100.0 * sum(right for right, _ in counts) / sum(rows for _, rows in counts)


def by_split(values: Iterable[tuple[int, float]]) -> list[float]:
    """Return the mean of each split's values."""
    found: dict[int, list[float]] = defaultdict(list)
    for split, value in values:
        found[split].append(value)
    return [fmean(one) for one in found.values()]


def mean_of(values: Sequence[float]) -> Mean | None:
    """Return the mean of observations, of enough with Student's 95 % interval; None of none."""
    return _mean(values) if values else None


def _mean(values: Sequence[float]) -> Mean:
    mean = fmean(values)
    if len(values) < FEWEST_SPLITS:
        return Mean(mean, None, None)
    half = T975[min(len(values) - 1, len(T975)) - 1] * stdev(values) / sqrt(len(values))
    return Mean(mean, mean - half, mean + half)


HEAVY = 0.15
"""The part of all weight from which attackers by sign flip must be felt without a defence."""


def requirements(lines: Sequence[Line], rule: str) -> list[Requirement]:
    """Return what is asked of a study's own robust rule, as far as it was tried."""
    found: list[Requirement] = []
    all_ = rule_summaries(lines)
    for own in all_:
        if own.rule != rule or rule == "fedavg" or own.clean is None:
            continue
        if own.against:
            worst = own.against[0]
            high = worst.loss.high
            found.append(
                Requirement(
                    says=f"{rule} loses at most 3 points to its worst attack by {own.count}, "
                    "with an upper confidence limit of at most 4",
                    measured=f"{worst.attack}: {in_words(worst.loss)}",
                    holds=False
                    if worst.loss.value > 3.0
                    else None
                    if high is None
                    else high <= 4.0,
                )
            )
        mean = next((one for one in all_ if (one.rule, one.count) == ("fedavg", own.count)), None)
        if mean is not None and mean.clean is not None:
            found.append(
                Requirement(
                    says=f"{rule} is within 2 points of FedAvg without attackers",
                    measured=f"{own.clean.value:.2f} and {mean.clean.value:.2f}",
                    holds=own.clean.value >= mean.clean.value - 2.0,
                )
            )
    heavy = [
        line
        for line in lines
        if isinstance(line, AttackedTrial)
        and (line.rule, line.attack) == ("fedavg", "sign_flip")
        and line.share >= HEAVY
    ]
    clean = {(one.count, one.split): one for one in lines if isinstance(one, CleanTrial) and
             one.rule == "fedavg"}  # fmt: skip
    losses = mean_of(
        by_split(
            (one.split, honest - 100.0 * one.right / one.rows)
            for one in heavy
            if (honest := clean_on(clean.get((one.count, one.split)), one.attackers)) is not None
        )
    )
    if losses is not None:
        found.append(
            Requirement(
                says="FedAvg loses at least 20 points to sign flip by attackers with 15 % of the"
                " weight or more",
                measured=f"{in_words(losses)} in {len(heavy)} trials",
                holds=losses.value >= 20.0,
            )
        )
    return found


def in_words(mean: Mean) -> str:
    """Return a mean with its interval, in points."""
    if mean.low is None or mean.high is None:
        return f"{mean.value:.2f}"
    return f"{mean.value:.2f} ({mean.low:.2f} to {mean.high:.2f})"
