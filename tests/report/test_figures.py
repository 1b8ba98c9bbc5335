"""A figure is what was signed or measured, or the reason why there is none."""

from msgspec.structs import replace
from tests.report.synthetic import SITES, inputs

from collegium.learning.evaluation.statement import MEASURES, UNITS
from collegium.report.figures import (
    NO_INTERVAL,
    NO_STATEMENT,
    PostedStatement,
    by_site,
    disagreements,
    measured,
    signed,
    signed_accuracy,
)
from collegium.report.measurements import FinalLine, Quality

BINARY = inputs("binary")
FINAL = BINARY.lines[-1]
assert isinstance(FINAL, FinalLine)
assert FINAL.federated is not None
QUALITY: Quality = FINAL.federated


def posted(site: str) -> PostedStatement:
    return next(one for one in BINARY.posted if one.site == site)


def test_a_signed_figure_is_the_statements_value_and_interval() -> None:
    statement = posted("aachen").statement
    found = signed("binary", statement)
    assert list(found) == list(MEASURES["binary"])
    for value in statement.values:
        figure = found[value.name]
        assert (figure.value, figure.low, figure.high) == (
            value.value / UNITS,
            value.low / UNITS,  # type: ignore[operator]
            value.high / UNITS,  # type: ignore[operator]
        )
        assert figure.absent == ""


def test_what_a_site_withholds_has_the_reason_in_place_of_the_value() -> None:
    found = signed("binary", posted("cagliari").statement)
    assert found["accuracy"].value is not None
    assert found["auc"].value is None
    assert found["auc"].absent == "withheld: a class has fewer than 5 test rows"


def test_what_a_sum_tells_by_class_is_said_to_be_there() -> None:
    found = signed("binary", posted("cagliari").statement, hides=True)
    assert found["auc"].absent == ("reported only as a total over all sites (secure aggregation)")


def test_a_site_without_a_statement_has_no_figures() -> None:
    [one] = by_site("binary", ["nowhere"], BINARY.posted)
    assert one.rows is None
    assert {figure.absent for figure in one.federated.values()} == {NO_STATEMENT}


def test_figures_of_a_site_never_come_from_the_measurements() -> None:
    # The process of a simulation knows the Brier score of the site that withholds it.
    assert QUALITY.sites["cagliari"]["brier"] is not None
    [one] = by_site("binary", ["cagliari"], BINARY.posted)
    assert one.federated["brier"].value is None
    assert one.local["brier"].value is None


def test_measured_figures_say_why_they_are_undefined() -> None:
    overall = {**QUALITY.overall, "auc": None}
    intervals = {**QUALITY.overall_intervals, "brier": None}
    quality = replace(QUALITY, overall=overall, overall_intervals=intervals)
    found = measured("binary", quality, "no reason")
    assert found["auc"].value is None
    assert found["auc"].absent == "undefined: some class has no rows"
    assert found["brier"].value == QUALITY.overall["brier"]
    assert found["brier"].absent == NO_INTERVAL
    assert measured("binary", None, "why")["auc"].absent == "why"


def test_accuracy_over_all_sites_follows_from_signed_counts() -> None:
    correct, rows = signed_accuracy(BINARY.posted, len(SITES)) or (0, 1)
    assert abs(correct / rows - (QUALITY.overall["accuracy"] or 0)) < 1e-12
    assert signed_accuracy(BINARY.posted, len(SITES) + 1) is None
    assert signed_accuracy((), 0) is None


def test_measurements_that_agree_raise_no_doubt() -> None:
    assert disagreements(BINARY.posted, QUALITY, len(SITES)) == ()
    assert disagreements(BINARY.posted, None, len(SITES)) == ()


def test_measurements_that_contradict_a_signed_value_are_told() -> None:
    sites = {**QUALITY.sites, "dorpat": {**QUALITY.sites["dorpat"], "auc": 0.999}}
    told = disagreements(BINARY.posted, replace(QUALITY, sites=sites), len(SITES))
    assert told == ("dorpat signed a different AUC than this run measured",)


def test_an_accuracy_that_no_counts_add_up_to_is_told() -> None:
    overall = {**QUALITY.overall, "accuracy": 0.99}
    told = disagreements(BINARY.posted, replace(QUALITY, overall=overall), len(SITES))
    assert told == (
        (
            "the accuracy over all sites differs from that of the sites' counts "
            "that the sites signed"
        ),
    )
