"""A trial has a member for each site; more members are made by cutting hospitals, never fewer."""

from __future__ import annotations

import pytest

from collegium.errors import CollegiumError
from collegium.network.plan import planned, roles_of, rows_by_site


def test_a_study_has_a_member_for_each_of_its_sites() -> None:
    prepared = planned("heart", None, ["training.rounds=3"])
    assert prepared.sites == ["cleveland", "hungarian", "switzerland", "va"]
    assert prepared.study.consensus.engine == "log"
    assert prepared.study.training.rounds == 3
    assert planned("heart", 4, []).sites == prepared.sites


def test_more_members_hold_pieces_of_hospitals() -> None:
    assert len(planned("heart", 7, []).sites) == 7
    assert len(planned("heart10", None, []).sites) == 10
    assert len(planned("heart10", 12, []).sites) == 12


def test_every_row_belongs_to_one_member() -> None:
    prepared = planned("heart", 7, [])
    rows = rows_by_site(prepared)
    assert set(rows) == set(prepared.sites)
    assert sum(len(one.y) for one in rows.values()) == 740


def test_fewer_members_than_hospitals_are_refused_with_what_would_do() -> None:
    with pytest.raises(CollegiumError) as caught:
        planned("heart", 3, [])
    assert caught.value.code == "network.members"
    change = caught.value.todo.partition("--set ")[2]
    assert len(planned("heart", 3, [change]).sites) == 3


def test_the_first_members_validate_and_the_first_one_owns() -> None:
    prepared = planned("heart", None, ["consensus.validators=3"])
    assert [roles_of(prepared, name) for name in prepared.sites] == [
        ["site", "validator", "owner"], ["site", "validator"], ["site", "validator"], ["site"],
    ]  # fmt: skip


def test_a_study_that_belongs_to_simulations_is_refused() -> None:
    for change in ("threat.attack=silent_site", "faults.dropout=0.3"):
        with pytest.raises(CollegiumError) as caught:
            planned("heart", None, [change])
        assert caught.value.code == "study.combination"
