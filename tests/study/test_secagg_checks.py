"""Secure aggregation that could not work is refused, with the nearest choice that could."""

from __future__ import annotations

from typing import cast

import pytest

from collegium.errors import StudyError
from collegium.ledger.contract.declared import Parts, part_of
from collegium.ledger.registering import registered_terms
from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.study.checking import check_sites
from collegium.study.document import Study
from collegium.study.graph_size import graph_size, least_threshold, population
from collegium.study.reading import read_study
from collegium.study.terms import fewest_updates, graph_of, share_threshold


def terms_of(study: Study, sites: int) -> object:
    return part_of(cast("Parts", registered_terms(study, sites)["terms"]), GraphTerms)


MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'


def checked(changes: tuple[str, ...], sites: int) -> None:
    study = read_study("heart", (MASKED, *changes)).study
    check_sites(study, [f"s{number}" for number in range(sites)])


def refused(*changes: str, sites: int = 10) -> StudyError:
    with pytest.raises(StudyError) as caught:
        checked(changes, sites)
    return caught.value


@pytest.mark.parametrize(
    ("trust", "participants", "least"),
    [("malicious", 4, 3), ("malicious", 9, 7), ("malicious", 100, 67),
     ("honest_but_curious", 4, 3), ("honest_but_curious", 9, 5), ("honest_but_curious", 100, 51)],
)  # fmt: skip
def test_thresholds_are_more_than_two_thirds_or_half(
    trust: str, participants: int, least: int
) -> None:
    assert least_threshold(trust, participants) == least
    assert least * (3 if trust == "malicious" else 2) > participants * (
        2 if trust == "malicious" else 1
    )


@pytest.mark.parametrize(("threshold", "advice"), [(6, "choose 7"), (11, "choose 10")])
def test_a_threshold_out_of_range_is_refused_with_the_nearest(threshold: int, advice: str) -> None:
    found = refused(f"privacy.secure_aggregation.threshold={threshold}")
    assert found.code == "study.threshold"
    assert found.todo == advice


def test_who_is_only_curious_may_be_fewer() -> None:
    curious = (MASKED, "privacy.secure_aggregation.trust=honest_but_curious")
    study = read_study("heart", curious).study
    assert check_sites(study, [f"s{number}" for number in range(10)]) == ()
    assert share_threshold(study, 10) == 6
    assert fewest_updates(study, 10) == 7, "study.min_sites asks for more"


@pytest.mark.parametrize(
    ("changes", "sites"),
    [((), 2), (("training.client_fraction=0.2",), 10), ((), 251),
     (("study.min_sites=2", "privacy.secure_aggregation.trust=honest_but_curious"), 3)],
)  # fmt: skip
def test_a_sum_hides_enough_and_not_too_many_share(changes: tuple[str, ...], sites: int) -> None:
    assert refused(*changes, sites=sites).code == "study.circle"


@pytest.mark.parametrize(
    "rule", ["krum", "nnm+trimmed_mean", "median", "foolsgold", "geometric_median", "flame"]
)
def test_a_rule_that_needs_single_updates_is_refused_with_the_reason(rule: str) -> None:
    found = refused(f"aggregation.rule={rule}", "aggregation.tolerate=1")
    assert found.code == "study.combination"
    assert "nobody sees more than their sum" in found.why
    assert "fedavg" in found.todo


def test_dropouts_leave_a_threshold() -> None:
    assert refused("faults.dropout=0.4").code == "study.combination"


def test_secagg_as_a_protection_is_told_its_place() -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", ("privacy.protection=secagg",))
    assert "privacy.secure_aggregation = { protocol = 'secagg' }" in caught.value.todo


GRAPH = 'privacy.secure_aggregation={ protocol = "secagg_plus" }'


def graph(changes: tuple[str, ...], sites: int) -> tuple[str, ...]:
    study = read_study("heart", (GRAPH, *changes)).study
    return tuple(
        notice.code
        for notice in check_sites(study, [f"s{number}" for number in range(sites)])
        if notice.code.endswith("graph")
    )


def test_a_graph_is_sized_from_who_may_be_corrupt_and_missing() -> None:
    study = read_study("heart", (GRAPH,)).study
    assert graph_of(study, 400) == graph_size(population(400, 0.1, 0.1), "malicious")
    few = read_study("heart", (GRAPH, "privacy.secure_aggregation.missing=0.0")).study
    found, usual = graph_of(few, 400), graph_of(study, 400)
    assert found is not None
    assert usual is not None
    assert found.degree < usual.degree
    assert terms_of(study, 400) == GraphTerms(degree=usual.degree)
    assert fewest_updates(study, 400) >= usual.threshold + 1


@pytest.mark.parametrize(
    ("changes", "sites", "codes"),
    [
        ((), 10, ("study.complete-graph",)),
        ((), 300, ("study.graph",)),
        (("privacy.secure_aggregation.degree=auto",), 300, ("study.graph",)),
        (("privacy.secure_aggregation.degree=20",), 300, ("study.weak-graph",)),
    ],
)
def test_how_safe_a_graph_is_is_told(
    changes: tuple[str, ...], sites: int, codes: tuple[str, ...]
) -> None:
    assert graph(changes, sites) == codes


@pytest.mark.parametrize(
    ("changes", "sites", "code", "advice"),
    [
        (("degree=5",), 20, "study.circle", "choose 6"),
        (("degree=40",), 20, "study.circle", 'choose 18, or protocol = "secagg"'),
        (("degree=6", "threshold=4"), 20, "study.threshold", "choose 5"),
        (("degree=6", "threshold=7"), 20, "study.threshold", "choose 6"),
        (("degree=252",), 300, "study.limit", None),
    ],
)
def test_a_graph_that_cannot_be_drawn_is_refused_with_the_nearest(
    changes: tuple[str, ...], sites: int, code: str, advice: str | None
) -> None:
    with pytest.raises(StudyError) as caught:
        graph(tuple(f"privacy.secure_aggregation.{change}" for change in changes), sites)
    assert caught.value.code == code or advice is None
    if advice is not None:
        assert caught.value.todo == advice


@pytest.mark.parametrize("key", ["degree=4", "corrupt=0.2", "missing=0.2"])
def test_over_the_complete_graph_nothing_is_drawn(key: str) -> None:
    found = refused(f"privacy.secure_aggregation.{key}")
    assert found.code == "study.combination"
    assert "secagg_plus" in found.todo
