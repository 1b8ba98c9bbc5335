"""The page of a comparison: what it shows, what it says is unlike, and what it lets run."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.comparisons import compared

from collegium.report import comparison_page
from collegium.report.write import write_comparison


def test_the_answer_says_each_design_s_verdict_by_the_primary_measure() -> None:
    page = comparison_page.render(compared())
    assert (
        "aggregation.rule=median has a better AUC than aggregation.rule=fedavg: difference"
        " +0.030 (+0.010 to +0.050)." in page
    )
    assert "aggregation.rule=krum does not differ detectably in AUC from" in page


def test_each_difference_has_its_interval_in_the_forest_plot() -> None:
    page = comparison_page.render(compared())
    (plot,) = re.findall(
        r"<figure class=\"forest\"><figcaption>AUC: each.*?</figure>", page, re.DOTALL
    )
    lines = re.findall(r'<line x1="([\d.]+)%" x2="([\d.]+)%"[^>]*class="whisker', plot)
    zero = {float(one) for one in re.findall(r'x1="([\d.]+)%"[^>]*class="guide zero"', plot)}
    assert len(zero) == 1
    (better, unclear) = [tuple(map(float, one)) for one in lines]
    assert better[0] > zero.copy().pop()
    assert unclear[0] < zero.copy().pop() < unclear[1]


def test_it_is_said_where_designs_are_unlike() -> None:
    page = comparison_page.render(compared())
    assert '<th scope="row" role="rowheader">data.target</th>' in page
    assert ">not set<" in page
    assert "compared on 2 seeds that it shares with the first design; without seeds 1 and 4" in page
    assert "2 of 3 runs have not converged" in page
    assert "their test rows are equal" in page


def test_one_design_has_no_differences() -> None:
    alone = compared()
    page = comparison_page.render(replace(alone, designs=alone.designs[:1], differences=()))
    assert "There is one design" in page
    assert "each design minus" not in page


def test_what_designs_are_called_is_text() -> None:
    found = compared()
    evil = replace(found.designs[0], name="<script>alert(1)</script>", runs=("a", "b", "<img>"))
    page = comparison_page.render(replace(found, title="<b>", designs=(evil, *found.designs[1:])))
    assert "<script>alert" not in page
    assert "<img>" not in page
    assert "<h1>&lt;b&gt;</h1>" in page


def test_the_page_runs_its_own_script_and_no_other() -> None:
    page = comparison_page.render(compared())
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in page
    assert "default-src &#x27;none&#x27;" in page
    assert not re.search(r"https?:|//cdn", script)


def test_figures_lie_beside_the_page_as_csv(tmp_path: Path) -> None:
    page = write_comparison(tmp_path, compared())
    assert write_comparison(tmp_path, compared()) == page
    text = (page.parent / "differences.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    first = next(one for one in rows if one["measure"] == "auc")
    assert (first["difference"], first["low"], first["high"]) == ("0.03", "0.01", "0.05")
    assert first["verdict"] == "better"
    for name in re.findall(r'href="([\w.]+)"', page.read_text("utf-8")):
        assert (page.parent / name).is_file()


@pytest.mark.parametrize("name", ["=1+1", "@x", "+1", "-1"])
def test_a_spreadsheet_calculates_nothing_of_a_name(name: str) -> None:
    found = compared()
    odd = replace(found.designs[0], name=name)
    text = comparison_page.designs_csv(replace(found, designs=(odd,)))
    assert f"\n'{name}," in text
