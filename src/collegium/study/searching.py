"""The ways of training that a study tries, in order, and what the study is in each trial.

They follow from the document alone, so whoever has it knows every one before the first is tried.
Random search: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.
"""

from __future__ import annotations

import hashlib
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any, Literal, cast

import msgspec

from collegium.study.document import Study
from collegium.study.search_section import Range
from collegium.study.splitting import way_of_split

Values = dict[tuple[str, ...], float]
"""Values of a trial by the keys they are of, such as ``("training", "learning_rate")``."""

WHOLE = ("local_epochs", "batch_size")
"""Keys whose values are whole numbers."""

_DECIMAL = Context(prec=40)


def searched(study: Study) -> dict[tuple[str, ...], tuple[float, ...] | Range]:
    """Return what is searched, by the keys of the document; nothing without a search."""
    found: dict[tuple[str, ...], tuple[float, ...] | Range] = {}

    def walk(path: tuple[str, ...], section: msgspec.Struct) -> None:
        for name in section.__struct_fields__:
            value = getattr(section, name)
            if isinstance(value, tuple | Range):
                found[(*path, name)] = value
            elif isinstance(value, msgspec.Struct):
                walk((*path, name), value)

    if study.search is not None:
        walk((), study.search)
    return found


def combinations(study: Study) -> int | None:
    """Return how many combinations there are of lists; None where there is a range."""
    count = 1
    for values in searched(study).values():
        if isinstance(values, Range):
            return None
        count *= len(values)
    return count


def trials_of(study: Study) -> int:
    """Return how many ways of training a study tries; 1 without a search."""
    if study.search is None:
        return 1
    return study.search.trials or combinations(study) or 1


@lru_cache(maxsize=8)
def candidates(study: Study) -> tuple[Values, ...]:
    """Return the values of every trial, in the order in which they are tried.

    Values in the order of the keys in the document, the last one changing fastest. Of more
    combinations than there are trials, those whose hashes are lowest; of ranges, values that a
    hash of the seed, the trial and the key says, whatever the machine.
    """
    choices, trials, seed = searched(study), trials_of(study), study.study.seed
    count = combinations(study)
    if count is not None:
        lists = [values for values in choices.values() if isinstance(values, tuple)]
        by_draw = sorted(range(count), key=lambda index: _draw(seed, index, "combination"))
        whole = list(product(*lists))
        chosen = sorted(by_draw[:trials])
        return tuple(dict(zip(choices, whole[index], strict=True)) for index in chosen)
    return tuple(
        {path: _value(seed, trial, path, choice) for path, choice in choices.items()}
        for trial in range(1, trials + 1)
    )


def _value(
    seed: int, trial: int, path: tuple[str, ...], choice: tuple[float, ...] | Range
) -> float:
    share = Fraction(_draw(seed, trial, ".".join(path)), 1 << 64)
    if isinstance(choice, tuple):
        return choice[int(share * len(choice))]
    low, high = Decimal(repr(float(choice.low))), Decimal(repr(float(choice.high)))
    part = _DECIMAL.divide(Decimal(share.numerator), Decimal(share.denominator))
    if choice.scale == "log":
        start, end = _DECIMAL.ln(low), _DECIMAL.ln(high)
        value = _DECIMAL.exp(_DECIMAL.add(start, _DECIMAL.multiply(part, end - start)))
    else:
        value = _DECIMAL.add(low, _DECIMAL.multiply(part, high - low))
    return round(value) if path[-1] in WHOLE else float(f"{value:.3g}")


def _draw(seed: int, number: int, what: str) -> int:
    """Return 64 bits that follow from a study's seed, a number and a word."""
    told = f"collegium/search/v1\0{seed}/{number}/{what}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big")


@lru_cache(maxsize=64)
def in_trial(study: Study, trial: int) -> Study:
    """Return a study with a trial's values in their places; the study itself without a search."""
    if study.search is None:
        return study
    changed: Any = study
    for path, value in candidates(study)[trial - 1].items():
        changed = _with(changed, path, value)
    return cast("Study", changed)


def _with(section: Any, path: tuple[str, ...], value: float) -> Any:
    name, rest = path[0], path[1:]
    inner = _with(getattr(section, name), rest, value) if rest else value
    return msgspec.structs.replace(section, **{name: inner})


def at_round(study: Study, number: int) -> tuple[Study, int]:
    """Return what the study is in a round, and which of its trial's rounds that is, from 1 on."""
    if study.search is None:
        return study, number
    before, within = divmod(number - 1, study.training.rounds)
    return in_trial(study, before + 1), within + 1


def first_of_trial(study: Study, number: int) -> int:
    """Return the first round of the trial that a round is of; 1 without a search."""
    return number - at_round(study, number)[1] + 1


def held_out(study: Study) -> float | None:
    """Return the part of each site's training part that losses are told of; None for none."""
    if study.search is not None:
        return study.search.validation
    stopping = study.training.early_stopping
    return None if stopping is None else stopping.validation


def held_out_by(study: Study) -> Literal["person", "time", "latest"]:
    """Return whether persons are held out, or the latest rows, as they are for the test.

    Those are each person's ("time"), or of a table's site ("latest"). In a study cut by rows it is
    persons too: rows of persons who are trained on flatter a choice.
    """
    way = way_of_split(study)
    return way if way in ("time", "latest") else "person"


def held_out_words(part: float, by: str) -> str:
    """Return what is held out: "20 % of each site's training persons"."""
    what = {
        "person": "training persons", "latest": "latest training rows",
        "time": "training rows, each person's latest",
    }  # fmt: skip
    return f"{100 * part:g} % of each site's {what[by]}"


def dotted_values(values: Values) -> dict[str, float]:
    """Return a trial's values by dotted key: ``training.learning_rate``."""
    return {".".join(path): value for path, value in values.items()}
