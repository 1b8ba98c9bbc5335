"""The sections about risks: calibration in words, and where acting could help."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.reading import Page
from tests.report.synthetic import inputs

from collegium.audit.findings import SecureSumOutcome
from collegium.report.content import ReportContent
from collegium.report.measurements import Benefit, Estimate, Risks
from collegium.report.page import render
from collegium.report.risk_sections import recalibrated


def page(content: ReportContent) -> Page:
    return Page(render(content))


def risks(slope: Estimate | None, intercept: Estimate | None) -> Risks:
    return Risks(slope=slope, intercept=intercept, benefit=(), binned_auc=None)


RIGHT, LOW, HIGH = Estimate(1.0, 0.8, 1.2), Estimate(-0.5, -0.7, -0.3), Estimate(1.5, 1.2, 1.8)


@pytest.mark.parametrize(
    ("slope", "intercept", "words"),
    [
        (
            RIGHT,
            Estimate(0.0, -0.2, 0.2),
            ("no evidence that risks are too extreme or too moderate"),
        ),
        (Estimate(0.6, 0.5, 0.7), LOW, "risks are too extreme"),
        (HIGH, HIGH, "risks are too moderate"),
        (RIGHT, LOW, "risks are too high on average"),
        (RIGHT, HIGH, "too low on average"),
        (None, None, "No calibration slope"),
    ],
)
def test_words_follow_the_interval(
    slope: Estimate | None, intercept: Estimate | None, words: str
) -> None:
    assert words in recalibrated(risks(slope, intercept)).source


def test_the_page_shows_slope_curve_and_the_auc_of_sums() -> None:
    content = inputs().content()
    assert content.risks is not None
    assert content.risks.slope is not None
    read = page(content)
    assert f"Calibration slope {content.risks.slope.value:.3f}" in read.sections["calibration"]
    assert f"AUC is {content.risks.binned_auc:.3f}" in read.sections["quality"]
    rows = read.table("Net benefit per test row")
    assert rows[1] == ["0.05", *(f"{x:.3f}" for x in (
        content.risks.benefit[4].model, content.risks.benefit[4].everybody))]  # fmt: skip
    assert "The model is better than both at" in read.sections["decision"]


def test_the_page_tells_of_a_secure_sum_and_that_sites_sign_rows_alone() -> None:
    summed = SecureSumOutcome(
        study="synthetic", sites=("cagliari", "nowhere"), rows=217, withheld="calls",
        measures={"auc": 0.8126}, auc_error=0.0004,
    )  # fmt: skip
    read = page(replace(inputs().content(), summed=summed))
    told = read.sections["quality"]
    assert "one secure sum of counts over the 217 test rows of 2 sites" in told
    assert "AUC of 0.813" in told
    assert "differs by at most 0.0004" in told
    assert "calls by class (a cell under 10 rows)" in told
    assert "A site signs only the number of its test rows" in told
    assert "summed histograms" not in told


def test_a_useless_model_is_called_so() -> None:
    content = inputs().content()
    assert content.risks is not None
    worse = tuple(Benefit(n / 100, -0.01, 0.2 - n / 100) for n in range(1, 100))
    useless = Risks(slope=None, intercept=None, benefit=worse, binned_auc=None)
    read = page(replace(content, risks=useless))
    assert "The model is not better" in read.sections["decision"]


def test_without_predictions_it_says_so() -> None:
    read = page(replace(inputs().content(), risks=None))
    assert "No decision curve is available" in read.sections["decision"]
