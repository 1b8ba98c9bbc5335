"""Groups that could not hide or could not be reduced are refused, with the nearest that could."""

from __future__ import annotations

import pytest

from collegium.assembly.preparation import prepare
from collegium.errors import StudyError
from collegium.ledger.contract.declared import Parts, given_parts, part_of, together
from collegium.ledger.registering import differing_terms, registered_terms
from collegium.mechanisms.groups.terms import GroupTerms
from collegium.mechanisms.sum_check.terms import SumCheckTerms
from collegium.study.checking import check_sites
from collegium.study.reading import read_study
from collegium.study.terms import fewest_groups, fewest_updates, group_sizes, share_threshold

BARE = ("aggregation.rule=trimmed_mean",)


def masked(**fields: object) -> str:
    said = {"protocol": "secagg", **fields}
    return f"privacy.secure_aggregation={{ {', '.join(f'{k} = {v!r}' for k, v in said.items())} }}"


def checked(*changes: str, sites: int) -> tuple[str, ...]:
    study = read_study("heart", (*BARE, *changes)).study
    return tuple(one.code for one in check_sites(study, [f"s{n:02d}" for n in range(sites)]))


def refused(*changes: str, sites: int) -> StudyError:
    with pytest.raises(StudyError) as caught:
        checked(*changes, sites=sites)
    return caught.value


@pytest.mark.parametrize(
    ("groups", "tolerate", "sites", "threshold"),
    [(3, 1, 9, 3), (3, 1, 10, 3), (5, 2, 20, 4), (5, 2, 25, 4), (2, 0, 6, 3), (7, 3, 35, 5)],
)
def test_more_than_twice_as_many_groups_as_bad_sites(
    groups: int, tolerate: int, sites: int, threshold: int
) -> None:
    changes = (masked(groups=groups), f"aggregation.tolerate={tolerate}")
    checked(*changes, sites=sites)
    study = read_study("heart", (*BARE, *changes)).study
    assert share_threshold(study, sites) == threshold
    assert fewest_groups(study) == 2 * tolerate + 1
    assert fewest_updates(study, sites) >= threshold * (2 * tolerate + 1)
    smallest, largest = group_sizes(study, sites)
    assert largest - smallest <= 1


@pytest.mark.parametrize(
    ("changes", "sites", "code", "words"),
    [
        ((masked(groups=4), "aggregation.tolerate=1"), 10, "study.groups", "choose at most 3"),
        ((masked(groups=2), "aggregation.tolerate=1"), 10, "study.groups", "choose at least 3"),
        ((masked(groups=5), "aggregation.tolerate=2"), 10, "study.groups", "at least 20 sites"),
        ((masked(groups=3, fewest_groups=2), "aggregation.tolerate=1"), 12, "study.groups",
         "choose 3"),
        ((masked(groups=3, fewest_groups=5),), 12, "study.groups", "choose 3"),
        ((masked(groups=3, threshold=2),), 12, "study.threshold", "choose 3"),
        ((masked(groups=3, threshold=5),), 12, "study.threshold", "choose 3"),
        ((masked(groups=3), "faults.dropout=0.2", "study.min_sites=9"), 16, "study.groups",
         "lower dropout"),
        ((masked(fewest_groups=2), "aggregation.rule=fedavg"), 12, "study.combination", "groups"),
        ((masked(norm_bound=1.0), "aggregation.rule=fedavg"), 12, "study.combination", "groups"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_nearest_choice(
    changes: tuple[str, ...], sites: int, code: str, words: str
) -> None:
    found = refused(*changes, sites=sites)
    assert found.code == code
    assert words in found.todo


def test_two_updates_stay_hidden_from_all_bad_sites_together() -> None:
    found = refused(masked(groups=3), "aggregation.tolerate=1", sites=8)
    assert "hide two updates from 1 bad sites" in found.why
    checked(masked(groups=3, trust="honest_but_curious"), sites=9)


def test_whole_sites_as_units_and_other_protocols_do_not_go_with_groups() -> None:
    client = (
        'privacy.differential_privacy={ unit = "client", mechanism = "local", epsilon = 8.0,'
        " delta = 1e-5 }"
    )
    with pytest.raises(StudyError, match="whole sites does not go with groups"):
        checked(masked(groups=3), client, "aggregation.weights=equal", sites=12)
    with pytest.raises(StudyError, match="does not go with the protocol"):
        checked(masked(protocol="secagg_plus", groups=3), sites=12)


def test_an_owner_is_told_when_no_site_may_be_missing() -> None:
    assert "study.groups-need-all" in checked(masked(groups=3), "aggregation.tolerate=1", sites=9)
    assert "study.groups-need-all" not in checked(
        masked(groups=5), "aggregation.tolerate=1", sites=25
    )


def test_terms_are_held_against_the_document() -> None:
    study = read_study("heart", (*BARE, masked(groups=3, sum_check="pedersen"))).study
    terms = registered_terms(study, 12)
    parts = terms["terms"]
    assert isinstance(parts, Parts)
    assert part_of(parts, GroupTerms) == GroupTerms(count=3, fewest=1)
    assert part_of(parts, SumCheckTerms) == SumCheckTerms(by="pedersen")
    registered = {**terms, "rule": "trimmed_mean@1", "server": f"{terms['server']}@1"}
    assert differing_terms(study, 12, registered) == {}
    others = [
        GroupTerms(count=2, fewest=1) if isinstance(one, GroupTerms) else one
        for one in given_parts(parts)
        if not isinstance(one, SumCheckTerms)
    ]
    changed = {**registered, "terms": together("terms", others)}
    assert set(differing_terms(study, 12, changed)) == {"groups", "sum_check"}


@pytest.mark.parametrize(
    ("rule", "groups", "fewest", "code", "words"),
    [
        ("krum", 5, None, "study.groups", "fewest_groups = 5"),
        ("krum", 5, 5, None, ""),
        ("bulyan", 5, None, "rule.tolerate", "more groups"),
        ("nnm+trimmed_mean", 3, None, None, ""),
        ("foolsgold", 3, 2, None, ""),
    ],
)
def test_a_rule_s_preconditions_are_of_groups(
    rule: str, groups: int, fewest: int | None, code: str | None, words: str
) -> None:
    fields = {"groups": groups} | ({} if fewest is None else {"fewest_groups": fewest})
    tolerate = 0 if rule == "foolsgold" else 1
    changes = (
        f"aggregation.rule={rule}", f"aggregation.tolerate={tolerate}", masked(**fields),
        "data.partition.sites=20", "study.min_sites=6",
    )  # fmt: skip
    if code is None:
        prepare(read_study("heart10", changes))
        return
    with pytest.raises(StudyError) as caught:
        prepare(read_study("heart10", changes))
    assert caught.value.code == code
    assert words in caught.value.todo
