"""Runs, comparisons and metrics as a notebook shows them: small, and in need of nothing else.

A notebook has its own colours, so lines and text take those; what its sanitizer drops of the
styles changes no figure.
"""

from __future__ import annotations

from collegium.report.comparison_page import about_intervals, primary_forests, sentences
from collegium.report.convergence import unsettled
from collegium.report.markup import Child, Markup, bullets, code, element, paragraph
from collegium.report.metrics import RunMetrics
from collegium.report.metrics_sections import learning_curve, quality_forest, quality_table
from collegium.report.run_comparison import RunComparison
from collegium.report.wording import counted

_STYLE = """
.collegium { max-width: 60rem; }
.collegium table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.collegium caption { text-align: left; }
.collegium th, .collegium td { text-align: left; padding: .2rem .9rem .2rem 0; }
.collegium svg { display: block; overflow: visible; }
.collegium svg svg { display: inline; }
.collegium .strip { width: 100%; }
.collegium .forest-row { display: grid; grid-template-columns: 14rem 1fr 15rem; gap: 0 1rem;
  align-items: center; }
.collegium .forest-verdict { display: block; font-size: .9em; }
.collegium .guide { stroke: currentColor; opacity: .15; }
.collegium .guide.zero { opacity: .6; }
.collegium .whisker { stroke: currentColor; stroke-width: 2; }
.collegium .curve { fill: none; stroke: currentColor; stroke-width: 1.5;
  vector-effect: non-scaling-stroke; }
.collegium .marker { fill: currentColor; }
.collegium .plot { display: grid; grid-template-columns: 3rem 1fr; gap: .4rem; }
.collegium .legend { list-style: none; padding: 0; display: flex; }
.collegium .axis { text-align: center; font-size: .85rem; }
.collegium .tick { font-size: .75rem; fill: currentColor; }
"""


def fragment(*children: Child) -> str:
    """Return pieces as a fragment of a page of somebody else's."""
    return element("div", element("style", Markup(_STYLE)), *children, class_="collegium").source


def comparison_html(found: RunComparison) -> str:
    """Return what a comparison shows: the answer, the primary measure, over what intervals are."""
    return fragment(
        paragraph(element("strong", found.title)),
        bullets(sentences(found)),
        *primary_forests(found),
        paragraph(element("small", about_intervals(found))),
    )


def metrics_html(metrics: RunMetrics) -> str:
    """Return what a run's measurements show: how far it got, a curve, the models on test rows."""
    final = metrics.final
    ended = "not finished" if final is None else final.outcome
    return fragment(
        paragraph(element("strong", f"{counted(len(metrics.rounds), 'round')}, {ended}")),
        *_figures(metrics),
    )


def run_html(title: str, outcome: str, folder: str, model: str, metrics: RunMetrics) -> str:
    """Return what a finished run shows: its outcome, its figures, how to verify it."""
    return fragment(
        paragraph(
            element("strong", title), f": {outcome} after {counted(len(metrics.rounds), 'round')}"
        ),
        paragraph(unsettled(final.convergence)) if (final := metrics.final) is not None else "",
        *_figures(metrics),
        paragraph("Model ", code(model)),
        paragraph("Not verified here: ", code(f"collegium verify {folder}")),
    )


def _figures(metrics: RunMetrics) -> tuple[Markup, ...]:
    return (
        quality_forest(metrics),
        learning_curve(metrics, metrics.primary or "loss"),
        quality_table(metrics),
    )
