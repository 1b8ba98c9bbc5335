"""The range of every number in a study document."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from collegium.study.columns import MOST_CATEGORIES
from collegium.study.design import designs
from collegium.study.document import Study
from collegium.study.limit import Limit
from collegium.study.refusal import INTEGER_LIMIT, DocumentPath, Refusal, dotted, shown

# Where no theory sets an end, the end is far beyond any use: it is there to catch a slip.
_OF_KEYS = (
    Limit(("study", "seed"), 0, INTEGER_LIMIT),
    Limit(("study", "min_sites"), 1, 100_000),
    Limit(("study", "max_attempts"), 1, 1000),
    Limit(("data", "partition", "sites"), 1, 100_000),
    Limit(("data", "source", "smallest"), 1, 1_000_000),
    Limit(("data", "source", "missing"), -1e12, 1e12),
    Limit(("data", "source", "most_categories"), 1, MOST_CATEGORIES),
    Limit(("data", "partition", "alpha"), 0, 1_000_000, open_low=True),
    Limit(("data", "split", "test"), 0, 0.9, open_low=True),
    Limit(("model", "hidden"), 1, 65_536),
    Limit(("model", "shape"), 1, 65_536),
    Limit(("model", "channels"), 1, 4096),
    Limit(("model", "kernel"), 1, 99),
    Limit(("model", "l2"), 0, 1_000_000),
    Limit(("training", "rounds"), 1, 100_000),
    Limit(("training", "local_epochs"), 1, 10_000),
    Limit(("training", "batch_size"), 1, 1_000_000),
    Limit(("training", "learning_rate"), 0, 1000, open_low=True),
    Limit(("training", "momentum"), 0, 1, open_high=True),
    Limit(("training", "site_momentum"), 0, 1, open_high=True),
    Limit(("training", "fedprox_mu"), 0, 1_000_000),
    Limit(("training", "schedule", "warmup"), 0, 100_000),
    Limit(("training", "early_stopping", "patience"), 1, 100_000),
    Limit(("training", "early_stopping", "validation"), 0, 0.9, open_low=True),
    Limit(("training", "schedule", "factor"), 0, 1),
    Limit(("training", "schedule", "every"), 1, 100_000),
    Limit(("training", "augmentation", "rotation"), 0, 180),
    Limit(("personalization", "layers"), 1, 100),
    Limit(("personalization", "strength"), 0, 1_000_000, open_low=True),
    Limit(("personalization", "epochs"), 1, 10_000),
    Limit(("training", "client_fraction"), 0, 1, open_low=True),
    Limit(("aggregation", "tolerate"), 0, 100_000),
    Limit(("aggregation", "exponent"), -8, 30),
    Limit(("aggregation", "largest_share"), 0.001, 1),
    Limit(("aggregation", "server", "learning_rate"), 0, 1000, open_low=True),
    Limit(("aggregation", "server", "beta1"), 0, 1, open_high=True),
    Limit(("aggregation", "server", "beta2"), 0, 1, open_high=True),
    Limit(("aggregation", "server", "tau"), 0, 1_000_000, open_low=True),
    Limit(("consensus", "validators"), 1, 100_000),
    Limit(("consensus", "block_interval"), 0, 86_400),
    Limit(("consensus", "block_bytes"), 1, 1 << 30),
    Limit(("consensus", "confirmations"), 0, 10_000),
    Limit(("network", "latency"), 0, 60_000),
    Limit(("network", "bandwidth"), 0, 1_000_000, open_low=True),
    Limit(("network", "loss"), 0, 1, open_high=True),
    Limit(("network", "duplicate"), 0, 1, open_high=True),
    Limit(("network", "reorder"), 0, 600_000),
    Limit(("network", "skew"), 0, 0.5),
    Limit(("devices", "grid"), 0, 5_000),
    Limit(("threat", "attackers"), 1, 100_000),
    Limit(("threat", "rounds"), 1, 100_000),
    Limit(("threat", "scale"), 0, 1_000_000, open_low=True),
    Limit(("faults", "dropout"), 0, 1, open_high=True),
    Limit(("faults", "traps"), 0, 1, open_low=True),
    Limit(("evaluation", "threshold"), 0, 1, open_low=True, open_high=True),
    Limit(("evaluation", "bootstrap"), 0, 10_000),
    Limit(("evaluation", "folds"), 1, 100),
    Limit(("evaluation", "fold"), 1, 100),
    Limit(("search", "trials"), 2, 1000),
    Limit(("search", "validation"), 0, 0.9, open_low=True),
)

SEARCHED = (
    ("training", "learning_rate"), ("training", "local_epochs"), ("training", "batch_size"),
    ("training", "momentum"), ("training", "fedprox_mu"),
    ("aggregation", "server", "learning_rate"), ("aggregation", "server", "beta1"),
    ("aggregation", "server", "beta2"), ("model", "l2"), ("personalization", "strength"),
)  # fmt: skip
"""Keys that a search can try values of, which have the same ranges there."""

_OF_SEARCH = tuple(
    replace(limit, path=("search", *limit.path, *end))
    for limit in _OF_KEYS
    if limit.path in SEARCHED
    for end in ((), ("low",), ("high",))
)

LENGTHS = {
    ("model", "hidden"): 16,
    ("model", "shape"): 3,
    ("model", "channels"): 9,
    ("threat", "attackers"): 10_000,
    ("threat", "rounds"): 10_000,
    ("evaluation", "subgroups"): 32,
}


@cache
def every_limit() -> tuple[Limit, ...]:
    """Return the range of every number, those of mechanisms' keys last."""
    of_mechanisms = (limit for design in designs().values() for limit in design.limits)
    return (*_OF_KEYS, *_OF_SEARCH, *of_mechanisms)


def check_limits(study: Study) -> None:
    """Refuse numbers out of range, numbers that are not finite, and lists that are too long.

    Raises:
        Refusal: ``study.range``, with the path of the first such value.
    """
    for limit in every_limit():
        for path, value in _numbers(study, limit.path):
            if not limit.holds(value):
                raise _out_of_range(path, value, limit.words())
    for place, longest in LENGTHS.items():
        values = _at(study, place)
        if isinstance(values, tuple) and len(values) > longest:
            raise Refusal(
                place, "study.range", f"{dotted(place)} has {len(values)} items",
                f"at most {longest} are accepted", "shorten the list",
            )  # fmt: skip
    draws = study.evaluation.bootstrap
    if 0 < draws < 100:
        words = "0, for no intervals, or at least 100: fewer draws give no 95 % interval"
        raise _out_of_range(("evaluation", "bootstrap"), draws, words)


def _at(study: Study, path: tuple[str, ...]) -> object:
    value: object = study
    for name in path:
        value = getattr(value, name, None)
    return value


def _numbers(study: Study, path: tuple[str, ...]) -> list[tuple[DocumentPath, float]]:
    value = _at(study, path)
    if isinstance(value, tuple):
        items: list[tuple[DocumentPath, object]] = [
            ((*path, index), item) for index, item in enumerate(value)
        ]
    else:
        items = [(path, value)]
    return [(place, item) for place, item in items if isinstance(item, int | float)]


def _out_of_range(path: DocumentPath, value: float, words: str) -> Refusal:
    return Refusal(
        path,
        "study.range",
        f"{dotted(path)} is {shown(value)}",
        f"it must be {words}",
        "choose a value in that range",
    )
