"""What runs, comparisons and metrics show in a notebook: little, and in need of nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.comparisons import compared
from tests.report.synthetic import inputs

from collegium.report.metrics import RunMetrics, metrics_of
from collegium.report.notebook import run_html

MOST = 30_000
"""Characters: a notebook keeps them in its file."""


class Elements(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def metrics() -> RunMetrics:
    return metrics_of(list(inputs().lines))


def check(source: str) -> Elements:
    assert len(source) < MOST
    found = Elements(source)
    assert not found.names & {"script", "link", "iframe", "img", "html", "body"}
    assert not found.attributes & {"src", "href", "onclick"}
    assert not re.search(r"url\(|@import|:root|var\(", source)
    return found


def test_a_comparison_shows_its_answer_and_a_forest_plot() -> None:
    source = compared()._repr_html_()
    assert "svg" in check(source).names
    assert "has a better AUC" in source


def test_metrics_show_a_curve_and_the_models_on_test_rows() -> None:
    source = metrics()._repr_html_()
    assert {"svg", "table", "polyline"} <= check(source).names
    assert "AUC on the test rows of all sites" in source


def test_what_has_no_end_yet_shows_how_far_it_is() -> None:
    source = RunMetrics(rounds=metrics().rounds[:1], final=None)._repr_html_()
    check(source)
    assert "1 round, not finished" in source
    check(RunMetrics(rounds=(), final=None)._repr_html_())


def test_a_run_shows_its_outcome_and_how_to_verify_it() -> None:
    source = run_html("<i>Fever</i>", "completed", "runs/fever", "00ff", metrics())
    check(source)
    assert "&lt;i&gt;Fever" in source
    assert "collegium verify runs/fever" in source


def test_metrics_are_rows_for_a_data_frame_and_tell_of_no_single_site() -> None:
    found = metrics()
    rows = found.rows()
    assert [row["round"] for row in rows] == [one.round for one in found.rounds]
    assert all("train_auc" in row for row in rows)
    sites = set(found.rounds[0].training_metrics) - {"overall"}
    assert sites
    assert not any(site in found.rounds_csv() + found.quality_csv() for site in sites)
