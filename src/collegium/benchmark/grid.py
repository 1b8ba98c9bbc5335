"""What a robustness benchmark tries: rules, attacks, numbers of attackers, splits, placements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collegium.data.randomness import draws
from collegium.plugins import find, names
from collegium.threats.attack import lie_of
from collegium.threats.poisoning import Poisoning

RULES = (
    "fedavg", "trimmed_mean", "median", "meamed", "geometric_median", "krum", "multi_krum",
    "centered_clipping", "bulyan", "mda", "caf", "smea", "dnc", "monna", "foolsgold", "flame",
    "nnm+trimmed_mean", "nnm+median", "nnm+krum", "nnm+geometric_median", "nnm+centered_clipping",
    "nnm+caf", "bucketing+geometric_median", "norm_clipping+nnm+trimmed_mean",
    "arc+nnm+trimmed_mean",
)  # fmt: skip
"""The rules that are tried where nobody says which."""


def attacks_with_updates() -> tuple[str, ...]:
    """Return the names of all attacks that send updates, and do nothing else."""
    found = ((name, find("attacks", name)) for name in names("attacks"))
    return tuple(name for name, one in found if isinstance(one, Poisoning) and lie_of(one) is None)


def attacks_to_try() -> tuple[str, ...]:
    """Return the names of all attacks that need no ledger: with updates, or with scores."""
    found = ((name, find("attacks", name)) for name in names("attacks"))
    return tuple(
        name for name, one in found if isinstance(one, Poisoning) or lie_of(one) is not None
    )


@dataclass(frozen=True, slots=True)
class Job:
    """A rule on one split against an attack by so many, in every placement; or against nobody."""

    rule: str
    count: int
    split: int
    attack: str | None


@dataclass(frozen=True, slots=True)
class Grid:
    """All jobs of a benchmark.

    Attributes:
        rules: names, composed ones among them.
        attacks: names.
        counts: numbers of attackers; a robust rule is set to tolerate as many.
        splits: seeds of the study: each cuts sites, parts and batches anew.
        placements: how many choices of attackers a split tries.
    """

    rules: tuple[str, ...]
    attacks: tuple[str, ...]
    counts: tuple[int, ...]
    splits: tuple[int, ...]
    placements: int

    def jobs(self) -> Iterator[Job]:
        """Yield every job, those of one rule together, its clean runs first."""
        for count in self.counts:
            for rule in self.rules:
                for attack in (None, *self.attacks):
                    for split in self.splits:
                        yield Job(rule, count, split, attack)


def placements(
    weights: Mapping[str, int], count: int, wanted: int, split: int
) -> tuple[tuple[str, ...], ...]:
    """Return who attacks: the heaviest sites, the lightest ones, then others by lot.

    Args:
        weights: each site's aggregation weight.
        count: how many attack; at least one site stays honest.
        wanted: how many placements; fewer if there are no more.
        split: the seed of the lots.
    """
    order = sorted(weights, key=lambda name: (-weights[name], name))
    count = min(count, len(order) - 1)
    found = [tuple(sorted(order[:count])), tuple(sorted(order[-count:]))]
    found = list(dict.fromkeys(found))[:wanted]
    lots = draws("placement", split, count)
    for _ in range(50 * wanted):
        if len(found) == wanted:
            break
        drawn = lots.permutation(len(order))[:count]
        chosen = tuple(sorted(order[index] for index in drawn))
        if chosen not in found:
            found.append(chosen)
    return tuple(found)
