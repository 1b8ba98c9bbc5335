"""The sections about what the run is of: the study document, the data, the versions."""

from __future__ import annotations

from collegium.report.content import ReportContent
from collegium.report.markup import (
    Child,
    Markup,
    bullets,
    element,
    facts,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.preparation import section
from collegium.report.wording import counted


def document(content: ReportContent) -> Markup:
    """Return the study document."""
    return join(
        paragraph(
            "The document was registered on the ledger before the first round. All defaults are "
            "shown."
        ),
        folded("The study document (TOML)", element("pre", element("code", content.document))),
    )


def data(content: ReportContent) -> Markup:
    """Return where the rows come from."""
    source = content.data
    schema = source.schema
    safe = source.url if source.url.startswith(("https://", "http://")) else None
    stated: list[tuple[str, Child]] = [
        ("Data set", source.title),
        ("Citation", source.citation),
        ("Licence", source.license),
        ("Address", element("a", source.url, href=safe, rel="noreferrer") if safe else source.url),
        ("Target", schema.target),
    ]
    if source.made_up:
        stated.append(
            ("Sites", (f"artificial ({source.made_up}); they do not represent institutions"))
        )
    if source.caution:
        stated.append(("Caution", source.caution))
    if schema.positive:
        stated.append(("Outcome", schema.positive))
    if schema.classes:
        stated.append(("Classes", ", ".join(schema.classes)))
    features = [
        [
            one.title,
            one.kind,
            one.unit or ", ".join(f"{c.code}: {c.title}" for c in one.categories) or "–",
        ]
        for one in schema.features
    ]
    return join(
        facts([one for one in stated if one[1]]),
        folded(
            f"The model's inputs ({counted(len(features), 'column')})",
            table("Inputs of the model", ["Column", "Kind", "Unit or categories"], features),
        ),
    )


def preparation(content: ReportContent) -> Markup:
    """Return what the sites agreed on about their tables, and which rows are no part of it."""
    found = content.data.preparation
    if found is None:
        return Markup("")
    rows = [f"{one.in_words()}." for one in content.left_out]
    told = join(paragraph("Rows that were left out, over all sites:"), bullets(rows))
    return join(section(found), told if rows else "")


def versions(content: ReportContent) -> Markup:
    """Return what made the page."""
    return facts([(name, version) for name, version in content.versions])
