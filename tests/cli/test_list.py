"""`collegium list`: every kind can be listed, and every name in it can be used in a study."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.cli.catalog import kinds

WITH_SOMETHING = (
    "attacks", "data", "models", "pre_aggregations", "privacy", "rules", "studies",
)  # fmt: skip


def test_without_a_kind_it_lists_the_kinds(call: Call) -> None:
    assert [one["name"] for one in told(call("list", "--json"))] == kinds()
    assert call("list").stdout.split() == kinds()
    assert set(WITH_SOMETHING) <= set(kinds())


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_a_list_of_objects_with_a_name(call: Call, kind: str) -> None:
    found = told(call("list", kind, "--json"))
    assert isinstance(found, list)
    names = [one["name"] for one in found]
    assert all(isinstance(name, str) and name for name in names)
    assert len(set(names)) == len(names)
    assert bool(found) == (kind in WITH_SOMETHING)
    done = call("list", kind)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == names
    assert bool(done.stderr) == (not found), "an empty list says that it is meant"


@pytest.mark.parametrize("kind", WITH_SOMETHING)
def test_every_name_comes_with_a_few_words_on_one_line(call: Call, kind: str) -> None:
    for one in told(call("list", kind, "--json")):
        assert 10 < len(one["about"]) < 110, one
        assert "\n" not in one["about"]


CHANGES = {
    "attacks": "threat.attack={name}",
    "data": "data.source={name}",
    "privacy": "privacy.protection={name}",
    "rules": "aggregation.rule={name}",
}


def test_every_name_can_be_asked_for(call: Call) -> None:
    for kind, change in CHANGES.items():
        for one in told(call("list", kind, "--json")):
            assert call("check", "heart", "--set", change.format(**one)).returncode == 0, one
    for one in told(call("list", "pre_aggregations", "--json")):
        rule = f"aggregation.rule={one['name']}+median"
        done = call("check", "heart", "--set", rule, "--set", "aggregation.tolerate=1")
        assert done.returncode == 0, one
    for one in told(call("list", "studies", "--json")):
        assert call("check", one["name"]).returncode == 0


def test_an_unknown_kind_is_answered_with_the_nearest_one(call: Call) -> None:
    code, what, why, todo = diagnosis(call("list", "rulez"))
    assert code == "list.unknown-kind"
    assert "'rulez'" in what
    assert "privacy" in why
    assert "collegium list rules" in todo
