"""Build, then betray: when should an attacker be honest? A search over policies finds out.

A policy is an attack with its strength and the rounds in which it acts: honest up to some round,
then so many rounds of attack in turn with so many of honesty. The search is the cross-entropy
method (Rubinstein 1999): policies are drawn, the most harmful ones are kept, and the next are
drawn around them. It looks at training parts of some splits; what it finds is measured on the
test parts of others, beside the same attack in every round. Names and draws depend on a seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean

import msgspec
import numpy as np

from collegium.benchmark.grid import Job, placements
from collegium.benchmark.summary import Mean, accuracy_without, by_split, mean_of
from collegium.benchmark.trial import Part, changed, clean_rows, rows_under_attack, weights_of
from collegium.data.randomness import draws
from collegium.errors import RunError
from collegium.plugins import find
from collegium.study.document import Study, Threat

ATTACKS = ("sign_flip", "label_flip", "ipm", "opt_ipm", "opt_alie", "history_aware")
"""What a policy may do in its rounds where nobody says what."""

ELITE = 0.25
"""The part of the policies of a generation that the next one is drawn around."""

_SMOOTHING = 0.3
"""How much of the distribution before is kept, so that no attack dies out by chance."""

_SCALE = (0.25, 40.0)

_PATIENCE = 30
"""Draws that may give what was tried already before one of those is taken."""


class Policy(msgspec.Struct, frozen=True):
    """Honest before round `first`, then `on` rounds of attack and `off` of honesty in turn."""

    attack: str
    first: int
    on: int
    off: int
    scale: float | None

    def rounds(self, all_rounds: int) -> tuple[int, ...]:
        """Return the rounds of attack, of a study with so many rounds."""
        turn = self.on + self.off
        return tuple(
            number
            for number in range(self.first, all_rounds + 1)
            if (number - self.first) % turn < self.on
        )

    def threat(self, attackers: tuple[str, ...], all_rounds: int) -> Threat:
        """Return what a study says of it."""
        rounds = self.rounds(all_rounds)
        return Threat(attack=self.attack, attackers=attackers, rounds=rounds, scale=self.scale)


class PolicyResult(msgspec.Struct, frozen=True):
    """A policy with the points of accuracy that it cost where the search looked."""

    policy: Policy
    loss: float


class BetrayalSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to.

    Attributes:
        tried: every policy, the most harmful first.
        best: the most harmful one.
        found: its loss on test parts of splits that the search did not see, in points.
        always: that of the same attack in every round, on the same splits.
        share: the part of all rounds in which it attacks.
    """

    tried: tuple[PolicyResult, ...]
    best: Policy
    found: Mean
    always: Mean
    share: float


@dataclass(frozen=True, slots=True)
class Trials:
    """Where policies are tried: a study, how many attack, in how many places of which splits."""

    study: Study
    count: int
    placements: int
    splits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """One split with its attackers, and the clean accuracy on the others' rows, in points."""

    study: Study
    split: int
    attackers: tuple[str, ...]
    clean: float


def search(
    trials: Trials, held_out: Sequence[int], attacks: Sequence[str], *, policies: int,
    generations: int, seed: int = 0, progress: Callable[[int, int], None] = lambda done, all_: None,
) -> BetrayalSearch:  # fmt: skip
    """Return the most harmful policy that a search finds, and what it costs elsewhere.

    Args:
        trials: where the search looks, at training parts.
        held_out: splits on whose test parts the policy is measured.
        attacks: what a policy may do.
        policies: how many are tried in all.
        generations: in how many steps.
        seed: of the draws.
        progress: is told how many policies have been tried, and of how many.

    Raises:
        CollegiumError: the study cannot be attacked so.
    """
    rounds = trials.study.training.rounds
    places = _places(trials, trials.splits, "train")
    spread = _Spread.over(attacks, rounds)
    lots = draws("betrayal", seed)
    tried: dict[Policy, float] = {}
    per_generation = max(1, policies // generations)
    for generation in range(generations):
        for _ in range(per_generation):
            policy = _new_policy(spread, lots, rounds, tried)
            if policy not in tried:
                tried[policy] = _loss(policy, places, rounds, "train")
            progress(len(tried), policies)
        best = sorted(tried, key=lambda one: -tried[one])[: max(2, int(ELITE * per_generation))]
        if generation + 1 < generations:
            spread = spread.around(best, rounds)
    order = sorted(tried, key=lambda one: -tried[one])
    elsewhere = _places(trials, held_out, "test")
    always = msgspec.structs.replace(order[0], first=1, on=rounds, off=0)
    return BetrayalSearch(
        tried=tuple(PolicyResult(policy, tried[policy]) for policy in order),
        best=order[0],
        found=_mean_loss(order[0], elsewhere, rounds),
        always=_mean_loss(always, elsewhere, rounds),
        share=len(order[0].rounds(rounds)) / rounds,
    )


def _new_policy(
    spread: _Spread, lots: np.random.RandomState, rounds: int, tried: Collection[Policy]
) -> Policy:
    """Draw a policy that acts in other rounds or otherwise than those tried, if one comes soon."""
    known = {(one.attack, one.scale, one.rounds(rounds)) for one in tried}
    for _ in range(_PATIENCE):
        policy = spread.policy(lots, rounds)
        if (policy.attack, policy.scale, policy.rounds(rounds)) not in known:
            return policy
    return next(iter(tried))


def _places(trials: Trials, splits: Sequence[int], part: Part) -> list[_Place]:
    found = []
    for split in splits:
        job = Job(trials.study.aggregation.rule, trials.count, split, None)
        study = changed(trials.study, job)
        prepared, counts = clean_rows(study, part)
        if trials.count >= len(counts):
            raise RunError(
                "bench.count", f"{trials.count} of {len(counts)} sites cannot attack",
                "the losses of those who do not are what is measured",
                f"choose at most {len(counts) - 1}",
            )  # fmt: skip
        for attackers in placements(weights_of(prepared), trials.count, trials.placements, split):
            clean = accuracy_without(counts, attackers)
            found.append(_Place(study, split, attackers, clean))
    return found


def _losses(
    policy: Policy, places: Sequence[_Place], rounds: int, part: Part
) -> list[tuple[int, float]]:
    found = []
    for place in places:
        threat = policy.threat(place.attackers, rounds)
        right, rows, _ = rows_under_attack(place.study, threat, part)
        found.append((place.split, place.clean - 100.0 * right / rows))
    return found


def _loss(policy: Policy, places: Sequence[_Place], rounds: int, part: Part) -> float:
    return fmean(loss for _, loss in _losses(policy, places, rounds, part))


def _mean_loss(policy: Policy, places: Sequence[_Place], rounds: int) -> Mean:
    found = mean_of(by_split(_losses(policy, places, rounds, "test")))
    if found is None:
        raise ValueError("no split was held out")
    return found


@dataclass(frozen=True, slots=True)
class _Spread:
    """Where policies are drawn from.

    Attributes:
        attacks: names with their probabilities.
        first: mean and deviation of the first round of attack, in parts of all rounds.
        on: those of the logarithm of the rounds of attack in turn.
        off: the same of the rounds of honesty.
        scale: the same of the strength, by attack that has one.
    """

    attacks: dict[str, float]
    first: tuple[float, float]
    on: tuple[float, float]
    off: tuple[float, float]
    scale: dict[str, tuple[float, float]]

    @staticmethod
    def over(attacks: Sequence[str], rounds: int) -> _Spread:
        """Return where nothing is known yet."""
        half, width = log(max(rounds, 2)) / 2, log(max(rounds, 2)) / 2
        middle, reach = fmean(map(log, _SCALE)), (log(_SCALE[1]) - log(_SCALE[0])) / 4
        scaled = [name for name in attacks if getattr(find("attacks", name), "scale", None)]
        return _Spread(
            {name: 1 / len(attacks) for name in attacks}, (0.5, 0.4), (half, width),
            (half / 2, width), dict.fromkeys(scaled, (middle, reach)),
        )  # fmt: skip

    def policy(self, lots: np.random.RandomState, rounds: int) -> Policy:
        """Draw a policy."""
        names = list(self.attacks)
        name = names[int(np.searchsorted(np.cumsum(list(self.attacks.values())), lots.uniform()))]
        first, on, off, strength = lots.normal(size=4)
        scale = None
        if name in self.scale:
            drawn = exp(self.scale[name][0] + self.scale[name][1] * strength)
            scale = float(f"{min(max(drawn, _SCALE[0]), _SCALE[1]):.3g}")
        return Policy(
            name,
            min(max(round(1 + rounds * (self.first[0] + self.first[1] * first)), 1), rounds),
            min(max(round(exp(self.on[0] + self.on[1] * on)), 1), rounds),
            min(max(round(exp(self.off[0] + self.off[1] * off) - 1), 0), rounds),
            scale,
        )

    def around(self, best: Sequence[Policy], rounds: int) -> _Spread:
        """Return where the most harmful policies lie, with some of where one was before."""
        often = {name: sum(one.attack == name for one in best) for name in self.attacks}
        strengths = defaultdict(list)
        for one in best:
            if one.scale is not None:
                strengths[one.attack].append(log(one.scale))
        return _Spread(
            {
                name: _SMOOTHING * before + (1 - _SMOOTHING) * often[name] / len(best)
                for name, before in self.attacks.items()
            },
            _refit(self.first, [(one.first - 1) / rounds for one in best]),
            _refit(self.on, [log(one.on) for one in best]),
            _refit(self.off, [log(one.off + 1) for one in best]),
            {
                name: _refit(before, strengths[name]) if strengths[name] else before
                for name, before in self.scale.items()
            },
        )


def _refit(before: tuple[float, float], values: Sequence[float]) -> tuple[float, float]:
    """Return mean and deviation of values, smoothed by what they were."""
    now = (float(np.mean(values)), float(np.std(values)))
    mean, deviation = (
        _SMOOTHING * old + (1 - _SMOOTHING) * new for old, new in zip(before, now, strict=True)
    )
    return mean, deviation
