"""The answer in plain words: what the model can do, where it is weakest, how it compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collegium.data.table import Task
from collegium.report.calibration import recalibration_words
from collegium.report.comparison import Comparison
from collegium.report.convergence import unsettled
from collegium.report.figures import Figure, SiteFigures
from collegium.report.held_out_quality import HeldOutSection
from collegium.report.measurements import CalledRows, Convergence, Risks
from collegium.report.wording import (
    PRIMARY,
    count,
    counted,
    in_sentence,
    listed,
    number,
    rows_of,
    span,
)

KEY_FIGURES: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "sensitivity", "specificity", "accuracy"),
    "multiclass": ("accuracy", "auc", "log_loss"),
    "ordinal": ("qwk", "accuracy", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
    "count": ("poisson_deviance", "mae", "rmse"),
    "survival": ("c_index",),
    "segmentation": ("dice", "iou"),
}
"""The measures that stand in the answer, over all sites."""

_SPREAD: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "sensitivity", "specificity"),
    "multiclass": ("accuracy",),
    "ordinal": ("qwk", "accuracy"),
    "regression": ("mae",),
    "count": ("poisson_deviance",),
    "survival": ("c_index",),
    "segmentation": ("dice",),
}


_OF_BINARY = ("auc", "sensitivity", "specificity", "ppv", "npv", "slope")
"""What stands at the top of two classes where it is known; accuracy is then a sentence."""

_AGAINST = {
    "better": "Better.", "worse": "Worse.", "unclear": "No difference detected.",
    "unknown": "Not compared.",
}  # fmt: skip


_NOT_COMPARED = (
    "Not compared over all sites: an interval of the difference needs their rows in one place."
)


@dataclass(frozen=True, slots=True)
class AllRows:
    """What is told of all test rows together.

    Attributes:
        calls: prevalence and predictive values by name, those that are known.
        counted: how many rows there are, and of how many persons.
        risks: of a binary task.
    """

    calls: Mapping[str, Figure]
    counted: CalledRows | None
    risks: Risks | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The figures that stand at the top by measure in order, what they mean, and more.

    `facts` answer what is asked first, each by its name; `sentences` are what else is to be said.
    """

    figures: tuple[tuple[str, Figure], ...]
    lead: str
    facts: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]


def answer_of(
    task: Task,
    threshold: float,
    federated: Mapping[str, Figure],
    sites: Sequence[SiteFigures],
    correct: tuple[int, int] | None,
    comparisons: Sequence[Comparison],
    apart: Sequence[HeldOutSection] = (),
    convergence: Convergence | None = None,
    tested: AllRows | None = None,
) -> Answer:
    """Return the answer.

    Args:
        task: says which measures there are.
        threshold: of a binary task, as registered.
        federated: the study's model over all sites.
        sites: what each site signed.
        correct: (correct rows, rows) over all sites from signed counts, if all tell them.
        comparisons: with other models.
        apart: what was measured on rows kept apart.
        convergence: whether training came to rest, where that is known.
        tested: what is told of all test rows.
    """
    tested = tested or AllRows({}, None, None)
    if task == "binary":
        lead = _binary(threshold, {**federated, **tested.calls})
    elif task == "survival":
        lead = _survival(federated)
    elif task == "segmentation":
        lead = _overlap(threshold, federated)
    elif task == "regression":
        lead = _regression(federated)
    else:
        lead = _count(federated) if task == "count" else _multiclass(federated)
    sentences = [warning] if (warning := unsettled(convergence)) else []
    if correct is not None:
        right, rows = correct
        sentences.append(
            f"By the counts that the sites signed, it classifies {count(right)} of {count(rows)} "
            "test cases correctly."
        )
    sentences += [_kept_apart(task, one) for one in apart]
    sentences += _spread(task, sites)
    return Answer(
        _at_the_top(task, federated, tested),
        " ".join(lead) or "No figure over all sites is available.",
        (
            *_of_rows(tested, len(sites)),
            *_against(task, comparisons, counted_rows=tested.counted is not None),
        ),
        tuple(sentences),
    )


def _at_the_top(
    task: Task, federated: Mapping[str, Figure], tested: AllRows
) -> tuple[tuple[str, Figure], ...]:
    if task != "binary" or federated["auc"].value is None:
        names = sorted(KEY_FIGURES[task], key=lambda name: federated[name].value is None)
        return tuple((name, federated[name]) for name in names)
    slope = None if tested.risks is None else tested.risks.slope
    told = {**federated, **tested.calls}
    if slope is not None:
        told["slope"] = Figure(slope.value, slope.low, slope.high)
    return tuple((name, told[name]) for name in _OF_BINARY if name in told)


def _of_rows(tested: AllRows, sites: int) -> Iterator[tuple[str, str]]:
    """Yield whom the model was tested on, and whether its risks mean what they say."""
    told, risks = tested.counted, tested.risks
    at = f"at {counted(sites, 'site')}"
    if told is not None:
        rows = counted(told.rows, "test row")
        if told.persons is None:
            yield "Patients", f"{rows} {at}. The number of patients was not told."
        elif told.persons == told.rows:
            yield "Patients", f"{count(told.rows)} in the test part, {at}, with a row each."
        else:
            yield "Patients", f"{count(told.persons)} in the test part, {at}, with {rows}."
    prevalence = tested.calls.get("prevalence")
    if prevalence is not None and prevalence.value is not None:
        yield "Prevalence", f"{_of_hundred(prevalence)} test rows have the outcome."
    if risks is not None and risks.slope is not None and risks.intercept is not None:
        yield "Calibration", recalibration_words(risks.slope, risks.intercept)


def _against(
    task: Task, comparisons: Sequence[Comparison], *, counted_rows: bool
) -> Iterator[tuple[str, str]]:
    """Yield whether the model is better than others, by the primary measure."""
    for one in comparisons:
        if not _says_something(one):
            if one.other.startswith("local") and counted_rows:
                yield "Against each site alone", _NOT_COMPARED
            continue
        [first] = [each for each in one.differences if each.measure == PRIMARY[task]]
        name = "each site alone" if one.other.startswith("local") else one.other
        yield f"Against {name}", f"{_AGAINST[first.verdict]} {one.decided}"


def _kept_apart(task: Task, one: HeldOutSection) -> str:
    """Return what the primary measure is on rows that an evaluator keeps, or out of fold."""
    first = one.federated[PRIMARY[task]]
    where = (
        f"On {rows_of(one.rows, one.persons)} held out from all sites"
        if one.kind == "unseen"
        else f"In out-of-fold predictions for all {count(one.rows)} rows,"
    )
    if first.value is None:
        return f"{where} {in_sentence(PRIMARY[task])} could not be measured."
    told = number(PRIMARY[task], first.value)
    if first.low is not None and first.high is not None:
        told += f" ({span(*(number(PRIMARY[task], end) for end in (first.low, first.high)))})"
    return f"{where} {in_sentence(PRIMARY[task])} is {told}."


def _binary(threshold: float, federated: Mapping[str, Figure]) -> list[str]:
    sentences = []
    auc, found, cleared = (federated[name] for name in ("auc", "sensitivity", "specificity"))
    if auc.value is not None:
        sentences.append(
            "Given one case with the outcome and one without, the model ranks the case with the "
            f"outcome higher in {_of_hundred(auc)} pairs."
        )
    if found.value is not None and cleared.value is not None:
        sentences.append(
            f"At the pre-specified threshold of {threshold:g} it flags {_of_hundred(found)} "
            f"cases with the outcome and correctly rules out {_of_hundred(cleared)} cases "
            "without it."
        )
    right, spared = federated.get("ppv"), federated.get("npv")
    if right is None or spared is None or None in (right.value, spared.value):
        right = spared = None
    if sentences and right is not None and spared is not None:
        sentences.append(
            f"Of the cases that it flags, {_of_hundred(right)} have the outcome. Of those that it "
            f"rules out, {_of_hundred(spared)} do not have it."
        )
    accuracy = federated["accuracy"]
    if not sentences and accuracy.value is not None:  # all that counts by site can tell
        sentences.append(f"The model classifies {_of_hundred(accuracy)} test cases correctly.")
    return sentences


def _multiclass(federated: Mapping[str, Figure]) -> list[str]:
    accuracy = federated["accuracy"]
    if accuracy.value is None:
        return []
    return [f"The model classifies {_of_hundred(accuracy)} test cases correctly."]


def _survival(federated: Mapping[str, Figure]) -> list[str]:
    index = federated["c_index"]
    if index.value is None:
        return []
    return [
        "Given two cases of which one is known to have had the event earlier, the model assigns "
        f"the higher risk to that case in {_of_hundred(index)} pairs."
    ]


def _overlap(threshold: float, federated: Mapping[str, Figure]) -> list[str]:
    dice = federated["dice"]
    if dice.value is None:
        return []
    return [
        f"At the pre-specified threshold of {threshold:g}, the overlap between the model's "
        f"pixels and the reference is {_of_hundred(dice)} on average over images (Dice)."
    ]


def _count(federated: Mapping[str, Figure]) -> list[str]:
    error = federated["mae"]
    if error.value is None:
        return []
    return [
        (
            "The predicted count differs from the observed count by "
            f"{number('mae', error.value)} on average."
        )
    ]


def _regression(federated: Mapping[str, Figure]) -> list[str]:
    error, explained = federated["mae"], federated["r2"]
    if error.value is None:
        return []
    tail = (
        ""
        if explained.value is None
        else f". It explains {_percent(explained)} % of the variance between cases"
        if explained.value > 0
        else ". It explains none of the variance between cases"
    )
    return [
        f"The prediction differs from the true value by {number('mae', error.value)} on average, "
        f"in the target's unit{tail}."
    ]


def _spread(task: Task, sites: Sequence[SiteFigures]) -> list[str]:
    """Return between which sites the model is weakest and strongest, by measure."""
    ranges = []
    for measure in _SPREAD[task]:
        told = sorted(
            (value, one.site)
            for one in sites
            for value in (one.federated[measure].value,)
            if value is not None
        )
        if len(told) > 1:
            ends = [f"{number(measure, value)} ({site})" for value, site in (told[0], told[-1])]
            ranges.append(f"{in_sentence(measure)} ranges from {' to '.join(ends)}")
    return [f"By site, {listed(ranges)}."] if ranges else []


def _says_something(comparison: Comparison) -> bool:
    return any(one.verdict != "unknown" for one in comparison.differences)


def _of_hundred(figure: Figure) -> str:
    """Return a share as cases of 100, with its interval; nearly all are not called all."""
    interval = (
        f" ({span(_percent_of(figure.low), _percent_of(figure.high))})"
        if figure.low is not None and figure.high is not None
        else ""
    )
    return f"{_percent(figure)} of 100{interval}"


def _percent(figure: Figure) -> str:
    return "" if figure.value is None else _percent_of(figure.value)


def _percent_of(value: float) -> str:
    percent = f"{100 * value:.0f}"
    if 0 < value < 1 and percent in ("0", "100"):
        return f"{min(max(100 * value, 0.1), 99.9):.1f}"
    return percent
