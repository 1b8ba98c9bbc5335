"""The sections about the run: who took part, the record, cost, how to verify, what is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collegium.audit.english import checks_of
from collegium.audit.findings import SiteShare
from collegium.report import charts
from collegium.report.content import ReportContent
from collegium.report.markup import (
    Child,
    Markup,
    badge,
    bullets,
    code,
    element,
    facts,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.process import Cost, Participant
from collegium.report.wording import count, counted, seconds, size

_LISTED_ROUNDS = 100
"""Of a longer study only so many last rounds are listed."""

_LISTED_NOTES = 20

_PHASES = {
    "clock": "Elapsed time, members in parallel",
    "training": "Training at the sites",
    "validators": "Validators: recomputation and votes",
    "others": "Signatures, ledger and files",
    "comparison": "Baselines and intervals",
    "blobs": "Models, updates and statements",
    "ledger": "Ledger",
}
"""Phases as the run names them, and as the page does."""

_WEIGHT = ["Weight claimed", "Weight used", "Share of the weight"]


def took_part(content: ReportContent) -> Markup:
    """Return who took part, and who failed or lied."""
    weighed = any(one.share is not None for one in content.participants)
    rows: list[Sequence[Child]] = [
        [
            one.name,
            _rows(one.training_rows),
            _rows(one.test_rows),
            _included(one),
            *_weight(one.share, weighed=weighed),
        ]
        for one in content.participants
    ]
    faults = [*content.evidence.faults, *_floods(content)]
    refused = [f"{name}: {count(number)}" for name, number in content.rejected]
    return join(
        table(
            "Sites, their rows, and the rounds that included their update",
            ["Site", "Training rows", "Test rows", "Rounds included", *_WEIGHT * weighed],
            rows,
            class_="figures",
        ),
        _lowered(content) if weighed else "",
        element("h3", "Detected faults"),
        bullets(faults, class_="faults")
        if faults
        else paragraph("None. The ledger identifies no participant that failed or lied."),
        join(
            paragraph("Messages that were rejected or exceeded the limit, by participant:"),
            bullets(refused),
        )
        if refused
        else "",
        paragraph(
            "This run contains a planted adversary: ",
            element("a", content.threat, href="#adversary"),
            ".",
            class_="warning",
        )
        if content.threat
        else "",
    )


def _weight(share: SiteShare | None, *, weighed: bool) -> list[Child]:
    """Return a site's cells about its weight, where weights have a say."""
    if share is None:
        return ["–", "–", "–"] * weighed
    least, most = f"{100 * share.least:.1f}", f"{100 * share.most:.1f}"
    of_rounds = f"{most} %" if least == most else f"{least} to {most} %"
    return [count(share.claimed), count(share.weight), of_rounds]


def _lowered(content: ReportContent) -> Markup:
    """Return whose claim of a weight counts in part, and whose share is above the bound anyway."""
    shares = [one.share for one in content.participants if one.share is not None]
    lowered = [one.site for one in shares if one.weight < one.claimed]
    above = [one.site for one in shares if one.most > content.largest_share + 1e-9]
    return paragraph(
        "Weights are those on the ledger. A share is of the weight of the updates that a round's "
        "model was computed from. "
        + (
            f"Weights below what was claimed: {', '.join(lowered)}. "
            if lowered
            else "Every site counted with the weight it claimed. "
        )
        + (
            f"Shares above {100 * content.largest_share:g} % ({', '.join(above)}) come from rounds "
            "with two sites or from rounds in which updates of others were missing."
            if above
            else ""
        ),
        class_="note",
    )


def _floods(content: ReportContent) -> list[str]:
    """Name who sent far more than anybody could have needed; the ledger holds none of it."""
    return [
        f"{name.partition(':')[0]} flooded the ledger: {count(number)} messages were dropped "
        "unread (measured by this run; the evidence does not contain rejected messages)"
        for name, number in content.rejected
        if name.endswith(": surplus")
    ]


def record(content: ReportContent) -> Markup:
    """Return what the ledger recorded."""
    evidence = content.evidence
    model: Child = code(evidence.model) if evidence.model else "none"
    stated: list[tuple[str, Child]] = [
        ("Entries", count(evidence.entries)),
        ("Final model", join(model, _meaning("SHA-256 of the model's file"))),
        (
            "Application hash",
            join(code(evidence.app_hash), _meaning("of the ledger's whole state")),
        ),
        (
            "Genesis",
            join(
                code(evidence.genesis),
                _meaning("identifies the ledger: its members and their keys"),
            ),
        ),
    ]
    rounds = content.rounds[-_LISTED_ROUNDS:]
    again = [one for one in content.rounds if one.attempt > 1]
    return join(
        paragraph(
            "The ledger is a signed log of the participants, the rules, every vote and the "
            "digest of each model. It contains no patient data. Digests identify everything "
            "else:"
        ),
        facts(stated),
        paragraph(
            f"{counted(len(content.rounds), 'round')} closed, "
            + (
                "each in its first attempt."
                if not again
                else f"{count(len(again))} of them in a later attempt."
            )
        ),
        folded(
            "Round by round"
            if len(rounds) == len(content.rounds)
            else f"The last {_LISTED_ROUNDS} rounds",
            table(
                ("Closed rounds: the resulting model, and the state of the ledger after the round"),
                ["Round", "Attempt", "Updates", "Entries", "Model", "Application hash"],
                [
                    [
                        str(one.round),
                        str(one.attempt),
                        str(one.included)
                        + (f" (without {', '.join(one.missing)})" if one.missing else ""),
                        count(one.entries),
                        code(one.model),
                        code(one.app_hash),
                    ]
                    for one in rounds
                ],
                class_="rounds",
            ),
        )
        if rounds
        else "",
        paragraph(
            "The run's process wrote this list. Verification recomputes the rounds from the "
            "ledger.",
            class_="note",
        ),
    )


def cost(content: ReportContent) -> Markup:
    """Return time and bytes by phase."""
    return join(
        paragraph(
            "Measured by the process that ran the study. Not part of the record. ",
            badge("measured, not signed", "computed"),
        ),
        ""
        if content.protections.keep is None
        else paragraph(
            f"Each update contained {100 * content.protections.keep:g} % of the model's "
            "coordinates. They were the same at every site and drawn again in every round."
        ),
        _costs("Time", content.seconds, seconds),
        _costs("Bytes", content.bytes, size),
    )


def how_to_verify(content: ReportContent) -> Markup:
    """Return the commands and what each is worth."""
    evidence = content.evidence
    ways = [
        join(
            element("pre", element("code", way.command)),
            paragraph(
                way.worth,
                *((" ", badge("used for this page", "signed")) if way.this else ()),
            ),
        )
        for way in evidence.ways
    ]
    levels = [[name, count(rounds), words] for name, words, rounds in evidence.levels]
    notes = list(evidence.notes[:_LISTED_NOTES])
    if len(evidence.notes) > _LISTED_NOTES:
        notes.append(
            f"… and {len(evidence.notes) - _LISTED_NOTES} more. The command lists them all."
        )
    return join(
        paragraph(
            "Anybody can verify this run without trusting those who ran it. The commands need "
            "only these parts of the folder that contains this page: ",
            code("ledger.log"),
            " and ",
            code("blobs"),
            ". Run them in that folder. They need no training library and no patient data.",
        ),
        element("ol", *(element("li", way) for way in ways), class_="ways"),
        element("h3", "Result of verification when this page was made"),
        paragraph(evidence.summary),
        paragraph(evidence.claims),
        bullets([f"Error: {words}" for words in evidence.errors], class_="alarm"),
        table("What was proven for the rounds", ["Level", "Rounds", "Meaning"], levels)
        if levels
        else "",
        paragraph("It checked:"),
        bullets([f"{words}." for words in checks_of(dict(evidence.checked))]),
        folded(f"{counted(len(evidence.notes), 'note')} from verification", bullets(notes))
        if notes
        else "",
    )


def not_proven(content: ReportContent) -> Markup:
    """Return what no check can show."""
    more = [
        (
            "how the model performs at other sites: its test rows come from the sites that "
            "trained it"
        ),
        (
            "that using the model helps patients: nobody was treated with it, and no regulator "
            "assessed it"
        ),
    ]
    return join(
        paragraph("Verification does not show:"),
        bullets(
            [f"{words[:1].upper()}{words[1:]}." for words in (*content.evidence.not_proven, *more)]
        ),
    )


def _rows(number: int | None) -> Child:
    return element("span", "not reported", class_="absent") if number is None else count(number)


def _meaning(words: str) -> Markup:
    return element("div", words, class_="absent")


def _included(one: Participant) -> str:
    return f"{count(one.rounds)} of {count(one.of)}"


def _costs(title: str, costs: Sequence[Cost], printed: Callable[[float], str]) -> Markup:
    if not costs:
        return paragraph(f"{title} was not measured.")
    whole = sum(one.total for one in costs)
    rows: list[Sequence[Child]] = [
        [
            _PHASES.get(one.phase, one.phase),
            charts.bar(one.total / (whole or 1.0), f"{one.phase}: {printed(one.total)}"),
            printed(one.total),
            "–" if one.median is None else printed(one.median),
        ]
        for one in costs
    ]
    return table(
        f"{title} by phase: {printed(whole)} in total",
        ["Phase", "Share", "Whole run", "Per round (median)"],
        rows,
        class_="figures costs",
    )
