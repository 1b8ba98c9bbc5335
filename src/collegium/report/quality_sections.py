"""The sections with figures: quality over all sites and by site, comparison, threshold."""

from __future__ import annotations

from collections.abc import Sequence

from collegium.learning.evaluation.statement import MEASURES
from collegium.report.comparison import Comparison, Difference
from collegium.report.content import QualitySection, ReportContent
from collegium.report.figures import Figure, SiteFigures
from collegium.report.held_out_quality import HeldOutSection
from collegium.report.markup import (
    Child,
    Markup,
    badge,
    bullets,
    element,
    folded,
    join,
    paragraph,
    table,
)
from collegium.report.site_chart import chart_by_site, model_legend
from collegium.report.wording import (
    MEANINGS,
    PRIMARY,
    change,
    count,
    counted,
    in_sentence,
    number,
    span,
    title_of,
)

SIGNED = badge("signed by the site", "signed")
_VERDICTS = {
    "better": "favors federated",
    "worse": "against federated",
    "unclear": "",
    "unknown": "",
}


def computed(content: ReportContent, *, at_length: bool = False) -> Markup:
    """Return the label of figures that no site signed; real members' counts are added up."""
    if not content.simulated:
        whence = "from the secure sum, and " if content.summed is not None else ""
        return badge(f"{whence}summed from what the sites signed", "computed")
    needs = at_length and content.summed is None
    more = "; a real consortium needs a secure sum" if needs else ""
    return badge(f"computed in this simulation{more}", "computed")


def figure(measure: str, one: Figure) -> Markup:
    """Return a figure as a table's cell shows it: value and interval, or the reason for none."""
    if one.value is None:
        return element("span", one.absent, class_="absent")
    value = element("span", number(measure, one.value), class_="value")
    if one.low is None or one.high is None:
        return join(value, " ", element("span", one.absent, class_="absent"))
    bounds = span(number(measure, one.low), number(measure, one.high))
    return join(value, " ", element("span", bounds, class_="interval"))


def quality(content: ReportContent) -> Markup:
    """Return quality over all sites and by site."""
    part = content.quality
    shown = [name for name in MEASURES[content.task] if name not in _AT_THRESHOLD]
    heads = ["Site", "Test rows", *map(title_of, shown)]
    overall: list[Child] = ["All sites", _rows_of_all(part.sites)]
    overall += [figure(name, part.federated[name]) for name in shown]
    rows: list[Sequence[Child]] = [overall, *(_site_row(one, shown) for one in part.sites)]
    own: list[Sequence[Child]] = [
        [one.site, *(figure(name, one.local[name]) for name in MEASURES[content.task])]
        for one in part.sites
    ]
    chart_of = [name for name in _CHARTED if name in shown]
    return join(
        paragraph(
            "All figures are for test rows, which were not used in training. By site: ",
            SIGNED,
            " All sites together: ",
            computed(content, at_length=True),
        ),
        paragraph(
            "Models are personalized. Each site is tested with its own model, derived from the "
            f"shared model by {content.personal.replace('_', '-')}. The released model is the "
            "shared one."
        )
        if content.personal
        else "",
        bullets([f"Warning: {words}." for words in part.disagreements], class_="alarm"),
        element("div", *(chart_by_site(content, name) for name in chart_of), class_="panels"),
        model_legend(),
        table("The study's model, with 95\u00a0% intervals", heads, rows, class_="figures"),
        folded(
            "Each site's own model (local-only)",
            table(
                join("Each site's own model on that site's test rows ", SIGNED),
                ["Site", *map(title_of, MEASURES[content.task])],
                own,
                class_="figures",
            ),
        ),
        paragraph(_binned(content), class_="note") if content.risks is not None else "",
        paragraph(_of_sum(content), class_="note") if content.summed is not None else "",
        element("h3", "How to read this"),
        bullets([f"{title_of(name)}: {MEANINGS[name]}." for name in shown]),
        paragraph(
            "Intervals are 95\u00a0% percentile bootstrap intervals, from "
            f"{counted(part.replicates, 'resampling')} of the persons within each site. They "
            f"apply to other cases at these sites, not to other sites. {_of_counts(content)}"
            + _withholding(content),
            class_="note",
        ),
    )


def _of_counts(content: ReportContent) -> str:
    if content.simulated:
        return ""
    return (
        "Over all sites they are score intervals (Wilson) of added counts, as if every row were of "
        "another person, and there are none of what is no share of rows. "
    )


def _withholding(content: ReportContent) -> str:
    """Return what sites keep to themselves, and what that is worth."""
    if content.summed is not None:
        return (
            "A site signs only the number of its test rows. Further figures, combined with the "
            "sum, would reveal those of a site with few cases of a class."
        )
    return (
        "A site withholds figures that would reveal how many cases a small class has. If only "
        "one site withholds, its figures can still be derived from the figures over all sites. "
        "A real consortium takes these from a secure sum."
    )


def _of_sum(content: ReportContent) -> str:
    """Return what the secure sum on the ledger tells."""
    summed = content.summed
    if summed is None:
        return ""
    told = (
        f"The ledger holds one secure sum of counts over the {count(summed.rows)} test rows of "
        f"{len(summed.sites)} sites. Every validator and this report recomputed it. Nobody saw "
        "the counts of a single site"
    )
    if "auc" in summed.measures:
        told += f". It gives an AUC of {summed.measures['auc']:.3f} from scores in 1,024 bins"
    if summed.auc_error is not None:
        told += f". The AUC of the exact scores differs by at most {summed.auc_error:.2g}"
    small = {
        "calls": "calls by class (a cell under 10 rows)",
        "by-class": "everything by class (a class under 10 rows)",
        "all": "everything but the number of rows (under 10)",
    }.get(summed.withheld)
    return (
        f"{told}. Not reported, because too small even in the sum: {small}."
        if small
        else f"{told}."
    )


def _binned(content: ReportContent) -> str:
    """Return how the AUC from sums of histograms stands to the one from all scores."""
    pooled = content.quality.federated["auc"].value
    if content.risks is None or content.risks.binned_auc is None or pooled is None:
        return ""
    if content.summed is not None:
        return ""
    return (
        f"The AUC is {content.risks.binned_auc:.3f} when computed only from summed histograms of "
        f"the sites’ scores, as a secure sum would give them. From all scores it is {pooled:.3f}."
    )


def comparison(content: ReportContent) -> Markup:
    """Return the study's model against local-only and pooled training."""
    return join(
        *(paragraph(one.sentence) for one in content.quality.comparisons),
        _site_alone(content),
        three_ways(content, content.quality, "on the same test rows of all sites"),
        paragraph(
            "Local-only: each site trains only on its own rows. Pooled: one model trained on "
            "all rows in one place, which federated learning avoids. Both use this study's "
            "settings and might perform better with settings tuned for them. Differences are "
            "paired: both models are tested on the same resamplings. If the interval of a "
            "difference includes 0, no difference was detected. This does not show that there "
            "is none. The intervals are not corrected for multiple comparisons. About one in "
            "twenty excludes 0 by chance.",
            class_="note",
        ),
    )


def _site_alone(content: ReportContent) -> Markup:
    """Return what an answer is worth that follows from a row's site alone."""
    value, measure = content.quality.site_alone, PRIMARY[content.task]
    if value is None:
        return Markup("")
    return paragraph(
        f"Knowing only which site a case came from already gives {in_sentence(measure)} "
        f"{number(measure, value)}. That part of the performance would not carry over to a new "
        "site."
    )


def three_ways(content: ReportContent, part: QualitySection | HeldOutSection, rows: str) -> Markup:
    """Return the table of three ways to train; `rows` says on which rows."""
    models = (part.federated, part.local, part.pooled)
    cells: list[Sequence[Child]] = [
        [
            title_of(name),
            *(figure(name, model[name]) for model in models),
            *(_difference(one.differences[place]) for one in part.comparisons),
        ]
        for place, name in enumerate(MEASURES[content.task])
    ]
    heads = ["Measure", "Federated", "Local-only", "Pooled"]
    heads += [f"Federated minus {_short(one)}" for one in part.comparisons]
    caption = join(f"Three ways to train, {rows} ", computed(content))
    return table(caption, heads, cells, class_="figures")


def threshold(content: ReportContent) -> Markup:
    """Return sensitivity and specificity at the registered threshold."""
    part = content.quality
    rows: list[list[Child]] = [
        [
            "All sites",
            _rows_of_all(part.sites),
            *(figure(name, part.federated[name]) for name in _AT_THRESHOLD),
        ]
    ]
    for one in part.sites:
        with_and_without = (
            f"{count(one.classes[1])} with, {count(one.classes[0])} without"
            if len(one.classes) == 2
            else element("span", "not reported", class_="absent")
        )
        rows.append(
            [
                one.site,
                with_and_without,
                *(figure(name, one.federated[name]) for name in _AT_THRESHOLD),
            ]
        )
    return join(
        paragraph(
            f"A case is classified as positive at a predicted risk of {content.threshold:g} or "
            "more. The threshold was registered before the test part was opened."
        ),
        table(
            join("Sites: ", SIGNED, " All sites: ", computed(content)),
            ["Site", "Test rows", *map(title_of, _AT_THRESHOLD)],
            rows,
            class_="figures",
        ),
        bullets([f"{title_of(name)}: {MEANINGS[name]}." for name in _AT_THRESHOLD]),
    )


_AT_THRESHOLD = ("sensitivity", "specificity")
_CHARTED = ("accuracy", "auc", "qwk", "c_index", "poisson_deviance", "mae", "r2", "dice")


def _site_row(one: SiteFigures, shown: Sequence[str]) -> list[Child]:
    rows: Child = (
        count(one.rows)
        if one.rows is not None
        else element("span", "not reported", class_="absent")
    )
    return [one.site, rows, *(figure(name, one.federated[name]) for name in shown)]


def _rows_of_all(sites: Sequence[SiteFigures]) -> str:
    rows = [one.rows for one in sites]
    told = [number for number in rows if number is not None]
    return count(sum(told)) if told and len(told) == len(rows) else "not reported"


def _difference(one: Difference) -> Markup:
    if one.interval is None:
        return element("span", "not compared", class_="absent")
    bounds = span(change(one.measure, one.interval.low), change(one.measure, one.interval.high))
    value = "" if one.value is None else change(one.measure, one.value)
    return join(
        element("span", value, class_="value"),
        " ",
        element("span", bounds, class_="interval"),
        " ",
        element("span", _VERDICTS[one.verdict], class_=f"verdict {one.verdict}"),
    )


def _short(one: Comparison) -> str:
    return "local-only" if one.other.startswith("local") else "pooled"
