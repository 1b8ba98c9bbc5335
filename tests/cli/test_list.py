"""`collegium list`: every kind can be listed, and every name in it can be used in a study."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.cli.catalog import kinds
from collegium.data import activity, eicu, nsl_kdd

WITH_SOMETHING = (
    "attacks", "consensus", "data", "mechanisms", "models", "pre_aggregations", "privacy", "rules",
    "studies",
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


OF_OTHER_DATA = ("model.target", "data.split", "data.partition")
"""What may stand against other data in the study of hearts: its model and its cut."""

CHANGES = {
    "attacks": "threat.attack={name}",
    "consensus": "{key}={name}",
    "privacy": "{key}={name}",
    "rules": "aggregation.rule={name}",
}


@pytest.fixture
def _no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data set but those of the package is on this machine."""
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for load in (eicu.load, activity.load, nsl_kdd.load):
        load.cache_clear()


def test_every_name_can_be_asked_for(call: Call) -> None:
    for kind, change in CHANGES.items():
        for one in told(call("list", kind, "--json")):
            asked = ["--set", change.format(**one)]
            if "finality" in one or one.get("role") == "orderer":
                asked += ["--set", "consensus.engine=simnet"]
            if "protocol" in one:
                asked += ["--set", f"consensus.protocol={one['protocol']}"]
            if "scores" in one:
                asked += ["--set", f'aggregation.scores={{by="{one["scores"]}"}}']
                asked += ["--set", "aggregation.rule=zeno"] if kind == "attacks" else []
            if "shares" in one.get("capability", ()):
                asked += ["--set", "privacy.secure_aggregation.protocol=secagg"]
            if "commitments" in one.get("capability", ()):
                asked += ["--set", "privacy.secure_aggregation.sum_check=pedersen"]
            assert call("check", "heart", *asked).returncode == 0, one
    for one in told(call("list", "data", "--json")):
        if "files" in one:
            continue  # files that are no table: tests/cli/test_fetch.py
        done = call("check", "heart", "--set", f"data.source={one['name']}")
        codes = [f"[{code}]" in done.stderr for code in ("data.not-here", *OF_OTHER_DATA)]
        assert done.returncode == 0 or any(codes), (one, done.stderr)
    for one in told(call("list", "pre_aggregations", "--json")):
        rule = f"aggregation.rule={one['name']}+median"
        done = call("check", "heart", "--set", rule, "--set", "aggregation.tolerate=1")
        assert done.returncode == 0, one
    for one in told(call("list", "studies", "--json")):
        done = call("check", one["name"])
        codes = [f"[{code}]" in done.stderr for code in ("data.not-here", "plugin.extra")]
        assert done.returncode == 0 or any(codes), (one, done.stderr)


def test_a_protocol_is_listed_with_what_it_bears_and_who_published_it(call: Call) -> None:
    found = {one["name"]: one for one in told(call("list", "consensus", "--json"))}
    assert "(byzantine: f < n/3)" in call("list", "consensus").stdout
    assert found["solo"]["key"] == "consensus.engine"
    assert found["pbft"]["key"] == "consensus.protocol"
    said = [found["pbft"][key] for key in ("faults", "bound", "finality", "views", "source")]
    assert said == [
        "byzantine", "f < n/3", "immediate", "lasting", "Castro and Liskov, OSDI 1999",
    ]  # fmt: skip
    for one in found.values():
        if one["key"] == "consensus.protocol":
            assert all(one[key] for key in ("faults", "bound", "finality", "source")), one


@pytest.mark.usefixtures("_no_data")
def test_a_data_set_is_listed_without_its_files(call: Call) -> None:
    found = {one["name"]: one for one in told(call("list", "data", "--json"))}
    assert found["eicu_demo"]["sites"]["midwest"] == 718
    assert found["uci_hapt"]["unseen"]["person-02"] == 304
    assert "ODbL" in found["eicu_demo"]["about"]


@pytest.mark.usefixtures("_no_data")
def test_who_lacks_the_data_is_told_where_to_get_them(call: Call, tmp_path: Path) -> None:
    code, what, why, todo = diagnosis(call("run", "eicu", "--out", "run"))
    assert code == "data.not-here"
    assert "'eicu_demo'" in what
    assert str(tmp_path) in why
    assert "https://physionet.org/" in todo
    assert not (tmp_path / "run").exists()


def test_an_unknown_kind_is_answered_with_the_nearest_one(call: Call) -> None:
    code, what, why, todo = diagnosis(call("list", "rulez"))
    assert code == "list.unknown-kind"
    assert "'rulez'" in what
    assert "privacy" in why
    assert "collegium list rules" in todo
