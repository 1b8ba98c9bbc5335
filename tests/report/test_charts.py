"""Shapes lie where the numbers say, and every drawing says in words what it shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.reading import Page

from collegium.report.charts import Axis, Mark, Series, axis_over, bar, lines, strip, whole_axis


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(3, 6))
def test_an_axis_holds_its_range_with_few_ticks(low: float, width: float, ticks: int) -> None:
    axis = axis_over(low, low + width, ticks)
    slack = 1e-6 * max(1.0, abs(low), width)
    assert axis.low <= low + slack
    assert axis.high >= low + width - slack
    assert 2 <= len(axis.ticks) <= ticks + 3
    assert axis.part(axis.low) == 0
    assert axis.part(axis.high) == 1


def test_round_numbers_are_the_ticks() -> None:
    assert axis_over(0.52, 1.0, 5).ticks == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    assert whole_axis(1, 30).ticks == (1, 9, 17, 25, 30)
    assert whole_axis(1, 1).ticks == (1, 2)


def test_an_interval_on_a_strip_goes_from_bound_to_bound() -> None:
    axis = Axis(0.5, 1.0, (0.5, 1.0))
    page = Page(strip([Mark(0.75, 0.6, 0.9, "federated")], axis, "a site: 0.75").source)
    [whisker] = [given for _, given in page.elements if "whisker" in given.get("class", "")]
    assert (whisker["x1"], whisker["x2"]) == ("20.00%", "80.00%")
    [marker] = [given for _, given in page.elements if given.get("class") == "overflowing"]
    assert marker["x"] == "50.00%"


def test_a_value_without_an_interval_has_a_marker_only() -> None:
    axis = Axis(0.0, 1.0, (0.0, 1.0))
    source = strip([Mark(0.5, None, None, "local")], axis, "t").source
    assert "whisker" not in source
    assert "marker local" in source


def test_a_bar_has_its_length() -> None:
    page = Page(bar(0.25, "a quarter").source)
    [rectangle] = [given for name, given in page.elements if name == "rect"]
    assert rectangle["width"] == "25.00%"


def test_a_curve_goes_through_its_points() -> None:
    axis = Axis(0.0, 1.0, (0.0, 1.0))
    drawn = lines("t", "d", [Series("s", ((0, 0.0), (1, 1.0)), 0)], axis, axis, "x")
    [polyline] = [given for name, given in Page(drawn.source).elements if name == "polyline"]
    assert polyline["points"] == "0.0,220.0 1000.0,0.0"


def test_a_single_point_is_a_dot() -> None:
    axis = Axis(0.0, 1.0, (0.0, 1.0))
    drawn = lines("t", "d", [Series("s", ((0.5, 0.5),), 0)], axis, axis, "x")
    [dot] = [given for name, given in Page(drawn.source).elements if name == "circle"]
    assert (dot["cx"], dot["cy"]) == ("50.00%", "110")


def test_a_drawing_says_what_it_shows() -> None:
    page = Page(strip([], Axis(0, 1, ()), "a title").source)
    [drawing] = [given for _, given in page.elements if given.get("role") == "img"]
    assert drawing["aria-label"] == "a title"
    assert "title" in [name for name, _ in page.elements]
