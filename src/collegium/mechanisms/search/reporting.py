"""The section about what was tried before the model was final: every trial, and every look."""

from __future__ import annotations

from collegium.audit.findings import Selection, TrialResult
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, folded, join, paragraph, table
from collegium.report.seam import AnswerLine, Section
from collegium.report.wording import counted
from collegium.study.searching import held_out_words

_MANY = 40


def selection(content: ReportContent) -> Markup:
    """Return among which models the validation loss chose, and what that is worth."""
    found = content.selection
    if found is None:
        return Markup("")
    by_person = found.by == "person"
    return join(
        paragraph(_search(found) if found.trials else _stopping(found)),
        paragraph(
            f"This loss is optimistic because it is the lowest of {found.looks} measurements on "
            f"the same {'persons' if by_person else 'rows'}. Expect a higher loss for "
            f"{'new persons' if by_person else 'later rows'}. The test part was not used for "
            "selection. It was opened once, only for the selected model. The local-only and "
            "pooled models on this page are trained "
            f"{'with the settings of the selected trial, ' * bool(found.trials)}for all rounds: "
            "the local-only models without the held-out rows, the pooled model with them.",
            class_="note",
        ),
        _trials(found) if found.trials else "",
    )


def _search(found: Selection) -> str:
    failed = sum(one.loss is None for one in found.trials)
    without = f" {counted(failed, 'trial')} failed and cannot be selected." if failed else ""
    return (
        f"The final model is that of trial {found.trial}, round {found.measured}, with the "
        f"lowest validation loss ({found.loss:.3f}). {counted(len(found.trials), 'trial')} were "
        f"registered before the first one started, and all were run.{without} The criterion is "
        f"the mean loss on {_held_out(found)} no trial trained. {found.looks} models were "
        f"measured.{_still_falling(found)}"
    )


def _held_out(found: Selection) -> str:
    told = held_out_words(found.held_out, found.by).replace(" %", "\u00a0%")
    return f"{told}, on {'whom' if found.by == 'person' else 'which'}"


def _still_falling(found: Selection) -> str:
    """Return the hint that the chosen trial ended while its loss fell."""
    if found.measured < found.trials[found.trial - 1].rounds:
        return ""
    return " Its loss was still decreasing when the trial ended. More rounds may improve it."


def _stopping(found: Selection) -> str:
    return (
        f"The final model is that of round {found.measured}, with the lowest mean validation "
        f"loss ({found.loss:.3f}). After each round the model was measured on {_held_out(found)} "
        f"it was not trained ({found.looks} models)."
    )


def _trials(found: Selection) -> Markup:
    """Return every trial in a table, which opens on a click where there are many."""
    shown = _table(found)
    if len(found.trials) > _MANY:
        return folded(f"All {len(found.trials)} trials", shown)
    return shown


def _table(found: Selection) -> Markup:
    names = list(found.trials[0].values)
    return table(
        "All trials, in order",
        ["Trial", *names, "Rounds", "Lowest loss", "In round"],
        [_row(one, names, chosen=one.trial == found.trial) for one in found.trials],
        class_="figures",
    )


def _row(one: TrialResult, names: list[str], *, chosen: bool) -> list[str]:
    loss = "failed" if one.loss is None else f"{one.loss:.3f}"
    return [
        f"{one.trial} (selected)" if chosen else str(one.trial),
        *(f"{one.values[name]:g}" for name in names),
        str(one.rounds), loss, "–" if one.measured is None else str(one.measured),
    ]  # fmt: skip


def search_line(content: ReportContent) -> str:
    """Return what the model was chosen from, in a line."""
    found = content.selection
    if found is None:
        return "None: one set of settings, fixed before training, for all rounds."
    chosen = f"round {found.measured}, with the lowest validation loss ({found.loss:.3f})"
    if found.trials:
        return f"Trial {found.trial} of {len(found.trials)}, {chosen} of {found.looks} looks."
    return f"No settings were searched. Of {found.looks} models, that of {chosen} is final."


LINES = (AnswerLine("Search", search_line, "selection"),)

SECTIONS = (
    Section(
        "selection", "Model selection", selection,
        after="explanation", applies=lambda content: content.selection is not None,
    ),
)  # fmt: skip
