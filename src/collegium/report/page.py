"""The report as one HTML file: question and answer first, then the sections in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collegium.data.table import CLASSIFYING
from collegium.report import (
    call_sections,
    curve_sections,
    evidence_sections,
    explanation_sections,
    held_out_sections,
    modelled_section,
    outbound_section,
    picture_section,
    quality_sections,
    risk_sections,
    site_table_section,
    source_sections,
    subgroup_sections,
    threat_section,
)
from collegium.report.content import ReportContent
from collegium.report.figures import Figure
from collegium.report.markup import Child, Markup, badge, bullets, element, paragraph
from collegium.report.outbound_section import LEAVES
from collegium.report.seam import Section, in_order, lines_of_mechanisms
from collegium.report.shell import whole_page
from collegium.report.threat_section import ATTACK
from collegium.report.wording import number, span, title_of

_FEW_SITES = 8
"""A table of more sites leaves the summary no room on two pages."""

SECTIONS = (
    Section(
        "sites", "The sites in numbers", site_table_section.sites,
        summary=lambda content: len(content.participants) <= _FEW_SITES,
    ),
    Section(
        "calls", "Confusion matrix and curves", call_sections.calls,
        applies=lambda content: content.task in CLASSIFYING,
        summary=lambda content: True,
    ),
    Section(
        "pictures", "Outlines and errors", picture_section.pictures,
        applies=lambda content: bool(content.pictures), summary=lambda content: True,
    ),
    Section("quality", "Quality", quality_sections.quality),
    Section("comparison", "Federated, local-only and pooled", quality_sections.comparison),
    Section(
        "apart", "On held-out rows", held_out_sections.apart,
        applies=lambda content: bool(content.apart),
    ),
    Section(
        "subgroups", "Subgroups", subgroup_sections.subgroups,
        applies=lambda content: bool(content.subgroups),
    ),
    Section("calibration", "Calibration", curve_sections.calibration),
    Section(
        "decision", "Net benefit of decisions based on the model", risk_sections.decision,
        applies=lambda content: content.task == "binary",
    ),
    Section(
        "threshold", "Sensitivity and specificity at the threshold", quality_sections.threshold,
        applies=lambda content: content.task == "binary",
    ),
    Section(
        "explanation", "Feature importance", explanation_sections.explanation,
        applies=lambda content: content.explanation is not None,
    ),
    Section("curves", "Learning curves", curve_sections.learning_curves),
    Section(
        "participants", "Participants and faults", evidence_sections.took_part, of_any_record=True,
    ),
    Section(
        "adversary", "The planted adversary", threat_section.adversary,
        applies=lambda content: bool(content.threat),
    ),
    Section(
        "outbound", "What leaves a site", outbound_section.outbound,
        applies=lambda content: bool(content.sent), of_any_record=True,
    ),
    Section("record", "What the ledger recorded", evidence_sections.record, of_any_record=True),
    Section("cost", "Time and data volume", evidence_sections.cost),
    Section(
        "modelled", "Modelled time and energy", modelled_section.modelled,
        applies=lambda content: content.modelled is not None,
    ),
    Section("verify", "How to verify", evidence_sections.how_to_verify, of_any_record=True),
    Section("not-proven", "What is not proven", evidence_sections.not_proven, of_any_record=True),
    Section("study", "The study document", source_sections.document, of_any_record=True),
    Section("data", "The data", source_sections.data, of_any_record=True),
    Section(
        "preparation", "Preparation of tables", source_sections.preparation,
        applies=lambda content: bool(content.data.preparation),
    ),
    Section("versions", "Versions", source_sections.versions, of_any_record=True),
)  # fmt: skip
"""The page's own sections; mechanisms add theirs behind one of these."""

SIMULATED = (
    "This run is a simulation. One process acted for all sites and validators and held all "
    "their keys. Signatures prove no identity, and nothing was confidential."
)

ONE_MACHINE = (
    "This run is a simulation. One machine ran a process for each member and held all their keys "
    "and rows. Signatures prove no identity, and nothing was confidential."
)


def render(content: ReportContent) -> str:
    """Return the page; the same content gives the same bytes."""
    broken = content.evidence.standing == "broken"
    sections = [
        one
        for one in in_order(SECTIONS)
        if one.applies(content) and (one.of_any_record or not broken)
    ]
    return whole_page(
        f"{content.title} · Collegium report",
        _opening(content),
        [
            _answer(content),
            element(
                "nav",
                element("h2", "On this page"),
                bullets([element("a", one.title, href=f"#{one.name}") for one in sections]),
                aria_label="On this page",
            ),
            *(_section(one, content, "summary") for one in sections if one.summary(content)),
            paragraph("Annex", class_="annex-title"),
            *(_section(one, content, "annex") for one in sections if not one.summary(content)),
        ],
        "Not for clinical use. Made by Collegium from a run folder.",
    )


def _section(one: Section, content: ReportContent, place: str) -> Markup:
    heading = element("h2", one.title)
    return element("section", heading, one.shows(content), id=one.name, class_=place)


def _opening(content: ReportContent) -> list[Markup]:
    return [
        paragraph(f"Report of the study “{content.study_id}”", class_="kicker"),
        element("h1", content.title),
        paragraph(element("strong", "Question. "), content.question, class_="question"),
        paragraph(element("strong", "Outcome. "), content.schema.positive, class_="question")
        if content.schema.positive
        else Markup(""),
        *(paragraph(words, class_="warning") for words in _simulation(content)),
        paragraph(
            (
                f"The sites are artificial ({content.data.made_up}). They do not represent "
                "institutions."
            ),
            class_="warning",
        )
        if content.data.made_up
        else Markup(""),
    ]


def _simulation(content: ReportContent) -> list[str]:
    if content.simulated:
        return [SIMULATED]
    return [ONE_MACHINE] if content.one_machine else []


def _answer(content: ReportContent) -> Markup:
    evidence = content.evidence
    outcome = {
        "completed": "",
        "unfinished": "The run is unfinished. The following results are preliminary.",
    }.get(
        content.outcome,
        (f"The study ended as {content.outcome}. It keeps the last model that was agreed on."),
    )
    return element(
        "section",
        element("h2", "Answer", badge("Not for clinical use", "clinical")),
        _verdict(content),
        paragraph(outcome, class_="warning") if outcome else "",
        *(() if evidence.standing == "broken" else _figures(content)),
        _caught(evidence.faults) if evidence.faults else "",
        class_="answer",
        id="answer",
    )


def _verdict(content: ReportContent) -> Markup:
    """Return in a word, and then in sentences, what the record was found to be worth."""
    evidence = content.evidence
    if evidence.standing == "broken":
        return paragraph(
            element("strong", "✗ Not verified."), " ", evidence.summary, class_="verdict broken"
        )
    mark = "✓ Anchored." if evidence.anchored else "≈ Consistent only."
    if evidence.standing == "incomplete":
        mark += " Incomplete."
    if evidence.anchored:
        worth: tuple[str | Markup, ...] = (evidence.claims,)
    else:
        worth = (
            "Whose record it is was not asked: ",
            element("a", "hold it against what a member gave you", href="#verify"), ".",
        )  # fmt: skip
    return paragraph(
        element("strong", mark), " ", evidence.summary, " ", *worth,
        class_=f"verdict {'anchored' if evidence.anchored else 'consistent'}",
    )  # fmt: skip


def _caught(faults: Sequence[str]) -> Markup:
    more = len(faults) - _SHOWN_FAULTS
    return element(
        "div",
        paragraph(
            element("strong", "Caught. "), "The protocol identified members that failed or lied:"
        ),
        bullets(faults[:_SHOWN_FAULTS]),
        paragraph(element("a", f"and {more} more", href="#participants")) if more > 0 else "",
        class_="caught",
    )


def _figures(content: ReportContent) -> tuple[Markup, ...]:
    return (
        element("dl", *(_key_figure(*one) for one in content.answer.figures), class_="key"),
        paragraph(
            "All sites, test rows, with 95\u00a0% intervals. ",
            quality_sections.computed(content, at_length=True),
            class_="note",
        ),
        paragraph(content.answer.lead, class_="lead"),
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", *told))
                for name, told in _first_asked(content)
            ),
            class_="asked",
        ),
        bullets(content.answer.sentences),
    )


def _first_asked(content: ReportContent) -> Iterator[tuple[str, list[Child]]]:
    """Yield what is asked first, by name: facts, then a line for each capability with its link."""
    for name, told in content.answer.facts:
        yield name, [told]
    there = {one.name for one in in_order(SECTIONS) if one.applies(content)}
    for one in (*lines_of_mechanisms(), ATTACK, LEAVES):
        words: list[Child] = [one.says(content)]
        if one.section in there:
            link = element("a", "More", href=f"#{one.section}")
            words.append(element("span", " ", link, ".", class_="more"))
        if words[0]:
            yield one.name, words


_SHOWN_FAULTS = 5


def _key_figure(measure: str, figure: Figure) -> Markup:
    if figure.value is None:
        shown = [element("dd", figure.absent, class_="absent")]
    else:
        shown = [element("dd", number(measure, figure.value), class_="number")]
        if figure.low is None or figure.high is None:
            shown.append(element("dd", figure.absent, class_="absent"))
        else:
            bounds = span(number(measure, figure.low), number(measure, figure.high))
            shown.append(element("dd", bounds, class_="interval"))
    return element("div", element("dt", title_of(measure)), *shown)
