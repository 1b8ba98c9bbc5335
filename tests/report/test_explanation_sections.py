"""The sections about subgroups and about what a model looks at."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as replace_fields
from tests.report.reading import Page
from tests.report.synthetic import SITES, inputs

from collegium.report.measurements import Explanation, Importance, Interval, Subgroup
from collegium.report.page import render

GROUPS = (
    Subgroup("men", "sex", 120, {"auc": 0.8, "accuracy": 0.7}, {"auc": Interval(0.7, 0.9)}),
    Subgroup("women", "sex", 80, {"auc": 0.6, "accuracy": 0.75}, {"auc": Interval(0.5, 0.7)}),
    Subgroup("over 90 <b>", "age", None, {}, {}),
)
LOSS = {site: 0.01 * place for place, site in enumerate(SITES)}
FEATURES = (
    Importance(
        feature="age", title="age <i>", drop=0.12, spread=0.01, loss=LOSS,
        effect=(("30", 0.2), ("40", 0.3), ("50", 0.5)),
    ),
    Importance(
        feature="cp", title="pain", drop=None, spread=0.0, loss=LOSS,
        effect=(("none", 0.2), ("some", 0.4)),
    ),
)  # fmt: skip


def test_every_group_is_told_and_the_weakest_named() -> None:
    read = Page(render(replace(inputs().content(), subgroups=GROUPS)))
    _, men, women, old = read.table("The study’s model by subgroup")
    assert men[:3] == ["men", "120", "0.800 0.700 to 0.900"]
    assert women[1] == "80"
    assert old[0] == "over 90 <b>"
    assert "too few rows" in old[2]
    assert "AUC ranges from 0.600 (women) to 0.800 (men)" in read.sections["subgroups"]


def test_features_stand_in_order_with_what_each_site_says() -> None:
    content = replace(inputs().content(), explanation=Explanation(FEATURES, 0.4))
    read = Page(render(content))
    head, first, second = read.table("Features by permutation importance")
    telling = [one.site for one in content.quality.sites if not one.withheld]
    assert len(telling) < len(SITES), "a site of the synthetic run withholds"
    assert head == [
        "Feature",
        "Deterioration of AUC",
        *(f"Increase of loss at {site}" for site in telling),
    ]
    assert first[:2] == ["age <i>", "+0.120 ±\xa00.010"]
    assert second[1] == "undefined"
    assert "Kendall’s W of 0.40" in read.sections["explanation"]
    assert "Only values that test rows have are used" in read.sections["explanation"]


def test_ten_features_are_listed_and_the_others_fold_away() -> None:
    many = tuple(replace_fields(FEATURES[0], title=f"feature {place}") for place in range(13))
    read = Page(render(replace(inputs().content(), explanation=Explanation(many, None))))
    assert [row[0] for row in read.table("Features by permutation")[1:]] == [
        f"feature {place}" for place in range(10)
    ]
    assert len(read.table("Further features")) == 1 + 3
    assert "3 less important features" in read.sections["explanation"]


def test_of_many_sites_the_ends_are_told() -> None:
    content = inputs().content()
    named = [f"town_{place}" for place in range(7)]
    telling = next(one for one in content.quality.sites if not one.withheld)
    sites = tuple(replace(telling, site=site) for site in named)
    loss = {site: 0.01 * ((place * 3) % 7) for place, site in enumerate(named)}
    one = replace_fields(FEATURES[0], loss=loss)
    read = Page(
        render(
            replace(
                content, explanation=Explanation((one,), None),
                quality=replace(content.quality, sites=sites),
            )
        )
    )  # fmt: skip
    _, row = read.table("Features by permutation importance")
    assert row[2:] == ["0.000 (town_0)", "+0.060 (town_2)"]


def test_a_curve_has_its_unit() -> None:
    one = replace_fields(FEATURES[0], title="age", unit="years")
    read = Page(render(replace(inputs().content(), explanation=Explanation((one,), None))))
    assert "age (years)" in read.sections["explanation"]


def test_without_them_there_are_no_sections() -> None:
    read = Page(render(replace(inputs().content(), subgroups=(), explanation=None)))
    assert not {"subgroups", "explanation"} & set(read.sections)


def test_why_there_is_no_list_is_said() -> None:
    none = Explanation((), None, "it has more than 64 features")
    read = Page(render(replace(inputs().content(), explanation=none)))
    assert "it has more than 64 features" in read.sections["explanation"]
