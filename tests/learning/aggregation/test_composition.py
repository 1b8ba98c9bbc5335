"""Rules by name: what goes together, what a record says, and that old records keep meaning it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pytest
from tests.learning.aggregation.cases import cloud, of_updates_alone, updates

from collegium import plugins
from collegium.errors import PluginError, StudyError
from collegium.learning.aggregation import composition
from collegium.learning.aggregation.composition import Composition, rule_called, rule_recorded
from collegium.learning.aggregation.mixing import NNM
from collegium.learning.aggregation.rows import RowRule, UpdateRows, rows_of
from collegium.learning.aggregation.rule import Aggregate, Kind
from collegium.learning.aggregation.updates import Updates

ROWS = np.vstack([cloud(0, 8, 5), cloud(1, 2, 5, center=4000)])


@dataclass(frozen=True, slots=True)
class Plain:
    """A rule of another package that takes updates and knows nothing of rows."""

    name: str = "plain@1"
    kind: Kind = "recomputed"

    def check(self, participants: int, tolerate: int) -> None: ...

    def aggregate(self, updates: Updates, tolerate: int) -> Aggregate:
        return Aggregate(updates.values[0].astype(np.int64), 1)


@dataclass(frozen=True, slots=True)
class Doubled:
    """Nearest-neighbor mixing in a later version, as a stand-in."""

    name: str = "nnm@2"
    about: str = "a later version"

    def check(self, participants: int, tolerate: int) -> None:
        NNM.check(participants, tolerate)

    def rows_after(self, participants: int, tolerate: int, fewest: int) -> int:
        return participants

    def apply(self, rows: UpdateRows, tolerate: int, fewest: int) -> UpdateRows:
        return NNM.apply(NNM.apply(rows, tolerate, fewest), tolerate, fewest)


PLAIN, LATER, FIRST = Plain(), Doubled(), NNM


@pytest.fixture
def _parts_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names of parts stand for objects of this module."""
    here = sys.modules[__name__]
    monkeypatch.setattr(
        plugins, "import_module", lambda name: here if name == __name__ else import_module(name)
    )


def test_a_composition_does_one_thing_after_another() -> None:
    given = updates(ROWS)
    composed = rule_called("arc+nnm+trimmed_mean")
    assert isinstance(composed, Composition)
    assert [part.name for part in composed.before] == ["arc@1", "nnm@1"]
    assert composed.kind == "recomputed"
    found = composed.aggregate(given, 2)
    arc, nnm = composed.before
    rows = nnm.apply(arc.apply(rows_of(given), 2, 5), 2, 5)
    by_hand = composed.rule.reduce(rows, 2)
    assert found.total.tolist() == by_hand.total.tolist()
    assert found.denominator == by_hand.denominator == (1 << 20) * 8 * 6
    assert rule_called("nnm+arc+trimmed_mean").aggregate(given, 2).total.tolist() != (
        found.total.tolist()
    )


def test_its_recorded_name_tells_each_parts_version_and_leads_back_to_it() -> None:
    for name, recorded in [
        ("nnm+krum", "nnm+krum@11"), ("arc+nnm+median", "arc+nnm+median@111"), ("krum", "krum@1"),
    ]:  # fmt: skip
        assert rule_called(name).name == recorded
        again = rule_recorded(recorded)
        assert again.name == recorded
        assert again.aggregate(updates(ROWS), 2).total.tolist() == (
            rule_called(name).aggregate(updates(ROWS), 2).total.tolist()
        )


@pytest.mark.usefixtures("_parts_from_here")
def test_a_new_version_of_a_part_leaves_old_records_what_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rule_called("nnm+median").aggregate(updates(ROWS), 2)
    monkeypatch.setitem(plugins.BUILT_IN["pre_aggregations"], "nnm", f"{__name__}:LATER")
    monkeypatch.setitem(plugins.BUILT_IN["pre_aggregations"], "nnm@1", f"{__name__}:FIRST")
    assert rule_called("nnm+median").name == "nnm+median@21"
    old, new = rule_recorded("nnm+median@11"), rule_recorded("nnm+median@21")
    assert old.aggregate(updates(ROWS), 2).total.tolist() == before.total.tolist()
    assert new.aggregate(updates(ROWS), 2).total.tolist() != before.total.tolist()


@pytest.mark.parametrize(
    "recorded", ["nnm+krum@1", "nnm+krum@12", "nnm+krum@21", "nnm+krum@111", "nnm+nobody@11",
                 "krum+krum@11", "nnm+krum@"],
)  # fmt: skip
def test_a_record_of_what_is_not_installed_is_refused(recorded: str) -> None:
    with pytest.raises(PluginError):
        rule_recorded(recorded)


@pytest.mark.usefixtures("_parts_from_here")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nnm+nnm+median", "twice"),
        ("arc+norm_clipping+median", "both clip"),
        ("nnm+arc+bucketing+nnm+median", "twice"),
        ("nnm+plain", "as they were recorded"),
    ],
)
def test_parts_that_do_not_go_together(
    name: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plugins.BUILT_IN["rules"], "plain", f"{__name__}:PLAIN")
    assert rule_called("plain") is PLAIN
    with pytest.raises(StudyError) as caught:
        rule_called(name)
    assert caught.value.code == "rule.composition"
    assert why in caught.value.why


def test_what_a_record_has_no_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "LONGEST_NAME", 9)
    assert rule_called("nnm+dnc").name == "nnm+dnc@11"
    with pytest.raises(StudyError, match="cannot be composed"):
        rule_called("nnm+median")
    monkeypatch.setattr(composition, "MOST_PARTS", 1)
    with pytest.raises(StudyError, match="cannot be composed"):
        rule_called("nnm+dnc")


def test_every_longest_composition_of_ours_has_room() -> None:
    before = ["norm_clipping", "bucketing", "nnm"]
    for name in of_updates_alone():
        composed = "+".join([*before, name])
        if len(composed) <= composition.LONGEST_NAME:
            assert len(rule_called(composed).name.partition("@")[2]) == 4


def test_it_checks_every_part_with_the_rows_that_reach_it() -> None:
    rule_called("nnm+bulyan").check(11, 2)
    with pytest.raises(StudyError, match="bulyan cannot tolerate 2 bad updates of 10"):
        rule_called("nnm+bulyan").check(10, 2)
    with pytest.raises(StudyError, match="nnm cannot tolerate 2 bad updates of 4"):
        rule_called("nnm+median").check(4, 2)
    # Forty updates are too many subsets; nine buckets are not.
    with pytest.raises(StudyError, match="658008 subsets"):
        rule_called("mda").check(40, 5)
    rule_called("bucketing+mda").check(40, 4)
    assert isinstance(rule_called("bucketing+mda"), RowRule)


def test_a_rule_with_too_many_subsets_says_how_many_it_could_bear() -> None:
    with pytest.raises(StudyError) as caught:
        rule_called("smea").check(40, 5)
    assert caught.value.code == "rule.subsets"
    assert "at most 4" in caught.value.todo
    rule_called("smea").check(40, 4)


@pytest.mark.usefixtures("_parts_from_here")
def test_a_rule_of_another_package_may_have_a_plus_in_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(plugins.BUILT_IN["rules"], "a+b", f"{__name__}:PLAIN")
    assert rule_called("a+b") is PLAIN
