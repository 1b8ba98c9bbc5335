"""The section about what was tried before the model was final: every trial, and every look."""

from __future__ import annotations

from collegium.audit.findings import Selection, Tried
from collegium.report.content import ReportContent
from collegium.report.markup import Markup, folded, join, paragraph, table
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
            f"That loss is the least of {found.looks} looks at the same"
            f" {'persons' if by_person else 'rows'}, so it flatters the model: expect a greater"
            f" one of {'new persons' if by_person else 'later rows'}. The test part had no say; it"
            " was opened once, for this model alone. Local-only and pooled models, with which this"
            f" page compares it, are trained {'as the chosen trial was, ' * bool(found.trials)}for"
            " all rounds: local-only ones without what was held out, the pooled one with it.",
            class_="note",
        ),
        _trials(found) if found.trials else "",
    )


def _search(found: Selection) -> str:
    failed = sum(one.loss is None for one in found.trials)
    without = f" {counted(failed, 'trial')} failed, and cannot be chosen." if failed else ""
    return (
        f"{counted(len(found.trials), 'way')} of training were registered before the first was"
        f" tried, and each was tried.{without} What decided is the mean loss on"
        f" {_held_out(found)} no trial trained: {found.looks} models were measured on them. The"
        f" model with the least loss, {found.loss:.4f}, is final: of trial {found.trial}, as its"
        f" round {found.measured} found."
        f"{_still_falling(found)}"
    )


def _held_out(found: Selection) -> str:
    told = held_out_words(found.held_out, found.by).replace(" %", "\u00a0%")
    return f"{told}, on {'whom' if found.by == 'person' else 'which'}"


def _still_falling(found: Selection) -> str:
    """Return the hint that the chosen trial ended while its loss fell."""
    if found.measured < found.trials[found.trial - 1].rounds:
        return ""
    return " Its loss still fell when the trial ended: with more rounds it may be better."


def _stopping(found: Selection) -> str:
    return (
        f"After each round the model was measured on {_held_out(found)} it was not trained:"
        f" {found.looks} models. The one with the least mean loss, {found.loss:.4f}, is final, as"
        f" round {found.measured} found."
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
        "Every trial, in the order in which they were tried",
        ["Trial", *names, "Rounds", "Least loss", "In round"],
        [_row(one, names, chosen=one.trial == found.trial) for one in found.trials],
        class_="figures",
    )


def _row(one: Tried, names: list[str], *, chosen: bool) -> list[str]:
    loss = "failed" if one.loss is None else f"{one.loss:.4f}"
    return [
        f"{one.trial} (chosen)" if chosen else str(one.trial),
        *(f"{one.values[name]:g}" for name in names),
        str(one.rounds), loss, "–" if one.measured is None else str(one.measured),
    ]  # fmt: skip
