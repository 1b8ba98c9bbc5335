"""A comparison of runs as one HTML page and two CSV files: forest plots, tables, what is unlike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from collegium.report.csv_cells import csv_text
from collegium.report.forest import Estimate, forest, shown
from collegium.report.interactive import POLICY, SCRIPT, STYLE
from collegium.report.markup import Child, Markup, bullets, data, element, folded, paragraph
from collegium.report.markup import table as plain_table
from collegium.report.run_comparison import (
    Design,
    Mean,
    MeasuredDifference,
    PairedDifference,
    RunComparison,
)
from collegium.report.shell import whole_page
from collegium.report.wording import counted, in_sentence, listed, title_of

DESIGNS, DIFFERENCES = "designs.csv", "differences.csv"

VERDICTS = {
    "better": "better", "worse": "worse", "unclear": "no detectable difference", "unknown": "",
}  # fmt: skip

UNSETTLED = {
    "diverged": "diverged: their figures mean little; try a lower training.learning_rate",
    "still_falling": "have not converged: try more training.rounds",
    "unstable": "did not settle: try a lower training.learning_rate",
}


def render(found: RunComparison) -> str:
    """Return the page, which needs nothing else; its two tables as CSV lie beside it."""
    title = f"Comparison of {counted(len(found.designs), 'design')}"
    return whole_page(
        f"{title} · {found.title}",
        opening(found),
        sections(found, DESIGNS, DIFFERENCES),
        "Not for clinical use. Made by collegium compare.",
        style=STYLE, policy=POLICY, script=SCRIPT,
    )  # fmt: skip


def opening(found: RunComparison) -> list[Markup]:
    """Return what the page is of."""
    return [
        paragraph(f"Comparison of {counted(len(found.designs), 'design')}", class_="kicker"),
        element("h1", found.title),
        paragraph(element("strong", "Question. "), found.question, class_="question"),
    ]


def sections(found: RunComparison, designs_url: str, differences_url: str) -> list[Markup]:
    """Return what a page says of a comparison, with links to its figures as CSV."""
    return [
        element("section", element("h2", "Answer"), *_answer(found), class_="answer"),
        element("section", element("h2", "Where the designs differ"), *_unlike(found)),
        element(
            "section",
            element("h2", "All measures"),
            *_measures(found),
            element(
                "p", "As CSV: ", element("a", "designs", href=designs_url), ", ",
                element("a", "differences", href=differences_url), ".", class_="files",
            ),
        ),
        element("section", element("h2", "Runs"), _runs(found)),
    ]  # fmt: skip


def sentences(found: RunComparison) -> list[str]:
    """Return what the primary measure shows of each design."""
    primary, said = in_sentence(found.primary), []
    for one in found.differences:
        measured = one.measures.get(found.primary)
        if measured is None:
            continue
        words = shown(found.primary, measured.value, measured.interval, difference=True)
        match measured.verdict:
            case "better" | "worse":
                told = f"has a {measured.verdict} {primary} than"
            case "unclear":
                told = f"does not differ detectably in {primary} from"
            case "unknown":
                told = f"differs in {primary}, without an interval, from"
        said.append(f"{one.design} {told} {one.against}: difference {words}.")
    return said


def about_intervals(found: RunComparison) -> str:
    """Return over what the intervals were drawn."""
    several = any(len(one.seeds) > 1 for one in found.designs)
    if several and not any(one.interval for each in found.designs for one in each.quality.values()):
        return (
            "All seeds use the same test rows. Intervals: 95 % paired bootstrap of these rows for"
            " the mean over seeds. Agreement between seeds does not apply to other rows."
        )
    if several:
        return (
            "Intervals over seeds: 95 %, Student's t, corrected for overlapping training parts"
            " (Nadeau and Bengio 2003). With one seed: 95 % paired bootstrap of the test rows."
        )
    return (
        "Intervals: 95 % paired bootstrap of the test rows. More seeds give more reliable results."
    )


def designs_csv(found: RunComparison) -> str:
    """Return every measure of every design, and its distances from local and pooled training."""
    heads = ("design", "quantity", "measure", "mean", "low", "high", "runs")
    return csv_text(
        heads,
        (
            (one.name, quantity, name, mean.value, *_bounds(mean), len(one.runs))
            for one in found.designs
            for quantity, means in _quantities(one).items()
            for name, mean in means.items()
        ),
    )


def differences_csv(found: RunComparison) -> str:
    """Return every measure of every design minus the reference."""
    heads = ("design", "against", "measure", "difference", "low", "high", "verdict",
             "interval_over", "seeds")  # fmt: skip
    return csv_text(
        heads,
        (
            (one.design, one.against, name, measured.value,
             *_bounds(measured),
             measured.verdict, one.interval_over, len(one.seeds))
            for one in found.differences
            for name, measured in one.measures.items()
        ),
    )  # fmt: skip


def primary_forests(found: RunComparison) -> Iterator[Markup]:
    """Yield the primary measure: differences from the first design, and each design's own."""
    title = title_of(found.primary)
    if found.differences:
        yield forest(
            f"{title}: each design minus {found.designs[0].name}", found.primary,
            _differences(found, found.primary), differences=True,
        )  # fmt: skip
    yield forest(
        f"{title} of the federated model", found.primary,
        [
            Estimate(one.name, mean.value, mean.interval)
            for one in found.designs
            if (mean := one.quality.get(found.primary)) is not None
        ],
        differences=False,
    )  # fmt: skip


def _answer(found: RunComparison) -> Iterator[Markup]:
    said = sentences(found)
    if said:
        yield bullets(said, class_="lead")
    yield from primary_forests(found)
    yield paragraph(about_intervals(found), class_="note")
    if found.differences:
        yield paragraph(
            f"{title_of(found.primary)} is the primary measure. Secondary measures and the number"
            " of designs are not corrected for multiple comparisons. No detectable difference does"
            " not show that designs are equivalent.",
            class_="note",
        )


def _differences(found: RunComparison, measure: str) -> list[Estimate]:
    return [
        Estimate(one.design, of.value, of.interval, VERDICTS[of.verdict])
        for one in found.differences
        if (of := one.measures.get(measure)) is not None
    ]


def _unlike(found: RunComparison) -> Iterator[Markup]:
    """Yield the keys of the document that differ, and whatever else sets the designs apart."""
    keys = list(found.designs[0].keys) if found.differences else []
    if keys:
        rows = [
            (key, *("not set" if (value := one.keys.get(key)) is None else value
                    for one in found.designs))
            for key in keys
        ]  # fmt: skip
        places = range(1, len(found.designs) + 1)
        heads = ("key of the study", *(f"design {place}" for place in places))
        yield plain_table("What the study documents say", heads, rows)
    else:
        yield paragraph("There is one design: the documents of its runs differ in the seed alone.")
    notes = [
        f"{one.design}: compared on {counted(len(one.seeds), 'seed')} that it shares with the"
        f" first design; without {_unpaired(found.designs[0], design, one)}."
        for design, one in zip(found.designs[1:], found.differences, strict=True)
        if _unpaired(found.designs[0], design, one)
    ]
    notes += [
        f"{one.name}: {runs} of {len(one.runs)} runs {UNSETTLED.get(verdict, verdict)}."
        for one in found.designs
        for verdict, runs in sorted(one.unsettled.items())
    ]
    if len({one.rows[0] for one in found.designs}) > 1:
        counts = (f"{one.rows[0]} in {one.name}" for one in found.designs)
        notes.append(f"Training rows differ: {listed(list(counts))}.")
    if any(key.startswith("data.") for key in keys):
        notes.append("The designs read or divide the data differently; their test rows are equal.")
    yield bullets(notes)


def _unpaired(reference: Design, design: Design, one: PairedDifference) -> str:
    """Return which seeds only one of two designs has."""
    alone = sorted({*reference.seeds, *design.seeds} - {*one.seeds})
    word = "seed" if len(alone) == 1 else "seeds"
    return f"{word} {listed(list(map(str, alone)))}" if alone else ""


def _measures(found: RunComparison) -> Iterator[Markup]:
    measures = _ordered(found, (name for one in found.designs for name in one.quality))
    for caption, of in (
        ("The federated model, by design", "federated"),
        ("Minus training at each site alone, by the runs", "federated minus local-only"),
        ("Minus pooled training, by the runs", "federated minus pooled"),
    ):
        told = [(one.name, means) for one in found.designs if (means := _quantities(one)[of])]
        rows: list[Sequence[Child]] = [
            (name, *(_cell(measure, means.get(measure), of) for measure in measures))
            for name, means in told
        ]
        if rows:
            yield _table(caption, ("design", *map(title_of, measures)), rows)
    yield from _secondary(found)


def _secondary(found: RunComparison) -> Iterator[Markup]:
    names = _ordered(found, (name for one in found.differences for name in one.measures))
    if not names:
        return
    yield _table(
        f"Each design minus {found.designs[0].name}",
        ("design", "measure", "difference (95 % CI)", "shows"),
        [
            (one.design, title_of(name),
             data(measured.value, shown(name, measured.value, measured.interval, difference=True)),
             VERDICTS[measured.verdict])
            for one in found.differences
            for name in names
            if (measured := one.measures.get(name)) is not None
        ],
    )  # fmt: skip
    others = [name for name in names if name != found.primary]
    if others:
        plots = (
            forest(title_of(name), name, _differences(found, name), differences=True)
            for name in others
        )
        yield folded("Forest plots of the secondary measures", *plots)


def _runs(found: RunComparison) -> Markup:
    return _table(
        "The run folders",
        ("run", "design", "seed", "training rows of the design", "test rows"),
        [
            (folder, one.name, data(seed, str(seed)), *(data(rows, str(rows)) for rows in one.rows))
            for one in found.designs
            for folder, seed in zip(one.runs, one.seeds, strict=True)
        ],
    )


def _table(caption: Child, heads: Sequence[Child], rows: Sequence[Sequence[Child]]) -> Markup:
    return plain_table(caption, heads, rows, class_="sortable")


def _cell(measure: str, mean: Mean | None, of: str) -> Markup:
    if mean is None:
        return data("", "not defined")
    return data(mean.value, shown(measure, mean.value, mean.interval, difference=of != "federated"))


def _ordered(found: RunComparison, names: Iterator[str]) -> list[str]:
    """Return measures, the primary one first."""
    return sorted(dict.fromkeys(names), key=lambda name: name != found.primary)


def _quantities(one: Design) -> dict[str, Mapping[str, Mean]]:
    return {
        "federated": one.quality,
        "federated minus local-only": one.federated_minus_local,
        "federated minus pooled": one.federated_minus_pooled,
    }


def _bounds(mean: Mean | MeasuredDifference) -> tuple[float | None, float | None]:
    return (None, None) if mean.interval is None else (mean.interval.low, mean.interval.high)
