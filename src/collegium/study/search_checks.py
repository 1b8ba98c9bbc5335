"""Whether a study's search can be carried out, and what it will cost."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.notice import Notice
from collegium.study.refusal import DocumentPath, Refusal, contradiction, dotted
from collegium.study.search_section import Range
from collegium.study.searching import (
    candidates,
    combinations,
    dotted_values,
    held_out_by,
    in_trial,
    searched,
    trials_of,
)

MOST_COMBINATIONS = 100_000


def check_search(study: Study, check: Callable[[Study], object]) -> tuple[Notice, ...]:
    """Return what the owner should know of a search.

    Args:
        study: the document.
        check: refuses a study that cannot work; every trial is given to it.

    Raises:
        Refusal: the search is of nothing, cannot be told apart, or one of its trials cannot work.
    """
    if study.search is None:
        return ()
    choices = searched(study)
    if not choices:
        raise contradiction(
            ("search",), "[search] names nothing to try", "no key has values or a range",
            "add for example training = { learning_rate = [0.02, 0.05] }",
        )  # fmt: skip
    if study.personalization is None and ("personalization", "strength") in choices:
        raise contradiction(
            ("search", "personalization"), "the search is of what the study does not have",
            "there is no [personalization]",
            "add personalization = { method = 'ditto', strength = 0.1 }, or remove it here",
        )  # fmt: skip
    for path, choice in choices.items():
        _check_choice(("search", *path), choice)
    check_trials(study)
    _check_company(study)
    for number, values in enumerate(candidates(study), start=1):
        trial = in_trial(study, number)
        try:
            check(msgspec.structs.replace(trial, search=None))
        except Refusal as refusal:
            with_values = ", ".join(f"{key}={one:g}" for key, one in dotted_values(values).items())
            place = refusal.path if refusal.path in choices else tuple(next(iter(values)))
            raise Refusal(
                ("search", *place), refusal.code, f"a trial cannot work: {refusal.what}",
                f"with {with_values}: {refusal.why}", refusal.todo,
            ) from None  # fmt: skip
    return (_cost(study),)


def _check_choice(path: DocumentPath, choice: tuple[float, ...] | Range) -> None:
    name = dotted(path)
    if isinstance(choice, tuple):
        if not choice:
            raise contradiction(
                path, f"{name} is empty", "there is nothing to try", "name values, or remove it"
            )
        if len(set(choice)) < len(choice):
            raise contradiction(
                path, f"{name} has a value twice", "a trial would be repeated",
                "name each value once",
            )  # fmt: skip
        return
    if not choice.low < choice.high:
        raise contradiction(
            (*path, "low"), f"{name} goes from {choice.low:g} to {choice.high:g}",
            "low must be below high", "swap them, or name a list of values",
        )  # fmt: skip
    if choice.scale == "log" and choice.low <= 0:
        raise contradiction(
            (*path, "low"), f"{name} goes from {choice.low:g} on in logarithms",
            "only what is above 0 has one", "choose low above 0, or scale = 'linear'",
        )  # fmt: skip


def check_trials(study: Study) -> None:
    """Refuse a budget that there is not, or that cannot be spent."""
    count, asked = combinations(study), None if study.search is None else study.search.trials
    path = ("search", "trials")
    if count is None and asked is None:
        raise contradiction(
            path, "search.trials is missing", "a range has any number of values",
            "say how many are to be tried, as in trials = 8",
        )  # fmt: skip
    if count is not None and count > MOST_COMBINATIONS:
        raise contradiction(
            ("search",), f"the lists have {count} combinations",
            f"at most {MOST_COMBINATIONS} are accepted", "shorten them, or use ranges",
        )  # fmt: skip
    if count is not None and asked is not None and asked > count:
        raise contradiction(
            path, f"{asked} trials are asked for, and the lists have {count} combinations",
            "each is tried once", f"choose at most {count}, or leave trials out",
        )  # fmt: skip
    if trials_of(study) < 2:
        raise contradiction(
            ("search",), "the search has a single trial", "there is nothing to choose from",
            "name more values, or put the value where it belongs and remove [search]",
        )  # fmt: skip
    if trials_of(study) > 1000:
        raise contradiction(
            path, f"the search has {trials_of(study)} trials", "at most 1000 are accepted",
            "set trials: that many combinations are drawn by the seed",
        )  # fmt: skip


def _check_company(study: Study) -> None:
    """Refuse who would attack unseen, and two parts held out."""
    if study.threat is not None:
        raise contradiction(
            ("threat",), f"{study.threat.attack} does not go with a search",
            "attackers reckon with one way of training, not with trials",
            "remove it, or [search]",
        )  # fmt: skip
    stopping = study.training.early_stopping
    if stopping and study.search and stopping.validation != study.search.validation:
        raise contradiction(
            ("training", "early_stopping", "validation"),
            f"two parts are to be held out: {stopping.validation:g} and"
            f" {study.search.validation:g}",
            "trials end, and are compared, by the loss on the same rows",
            "give both the same validation",
        )  # fmt: skip


def _cost(study: Study) -> Notice:
    trials, rounds = trials_of(study), study.training.rounds
    part = 0.0 if study.search is None else study.search.validation
    told: dict[str, Value] = {
        "trials": trials, "rounds": rounds, "most": trials * rounds, "part": part,
        "by": held_out_by(study),
    }  # fmt: skip
    return Notice("note", "study.search", told)
