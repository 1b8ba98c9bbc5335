"""Who takes part in a study, who validates, and who attacks."""

from __future__ import annotations

import pytest

from collegium.assembly.preparation import Prepared, prepare
from collegium.errors import PluginError, StudyError
from collegium.plugins import BUILT_IN
from collegium.study.reading import read_study

SITES = ["cleveland", "hungarian", "switzerland", "va"]
LIE, SILENCE = "threat.attack=lying_validator", "threat.attack=silent_site"


def prepared(*changes: str) -> Prepared:
    return prepare(read_study("heart", changes))


def test_every_site_validates_unless_the_study_says_how_many() -> None:
    assert prepared().sites == SITES
    assert prepared().validators == SITES
    assert prepared("consensus.validators=3").validators == SITES[:3]


def test_two_thirds_of_a_rounds_sites_must_send_updates_unless_the_study_says_more() -> None:
    assert prepared().min_sites == 3
    assert prepared("study.min_sites=4").min_sites == 4
    assert prepared("study.attendance=all").min_sites == 4
    half = prepared("training.client_fraction=0.5", "study.min_sites=2")
    assert (half.per_round, half.min_sites) == (2, 2)


def test_more_updates_than_a_round_has_sites_are_not_lowered_but_refused() -> None:
    with pytest.raises(StudyError, match="3 sites are required of a round of 2") as caught:
        prepared("training.client_fraction=0.5", "study.min_sites=3")
    assert caught.value.code == "study.combination"


def test_rows_are_cut_into_two_parts_without_loss() -> None:
    found = prepared()
    for rows in found.dataset.sites:
        assert len(found.train[rows.name].y) + len(found.test[rows.name].y) == len(rows.y)


def test_attackers_are_those_named_or_the_last_ones_in_order() -> None:
    assert prepared().attackers == []
    assert prepared(SILENCE, "threat.attackers=2").attackers == ["switzerland", "va"]
    assert prepared(SILENCE, 'threat.attackers=["hungarian"]').attackers == ["hungarian"]


def test_validators_attack_only_where_they_are_validators() -> None:
    few = "consensus.validators=2"
    assert prepared(LIE, few, "threat.attackers=1").attackers == ["hungarian"]
    assert prepared(SILENCE, few, "threat.attackers=1").attackers == ["va"]


@pytest.mark.parametrize(
    ("attackers", "what"),
    [("3", "3 validators are to attack, and there are 2"), ('["va"]', "'va' is to attack as a")],
)
def test_a_validator_that_is_none_cannot_attack(attackers: str, what: str) -> None:
    with pytest.raises(StudyError) as caught:
        prepared(LIE, "consensus.validators=2", f"threat.attackers={attackers}")
    assert caught.value.code == "study.combination"
    assert what in caught.value.what
    assert caught.value.what.startswith("--set threat.attackers: ")
    assert caught.value.todo == "choose among cleveland, hungarian"


def test_an_attack_that_does_not_say_what_it_is_granted_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BUILT_IN["attacks"], "secretive", "collegium.threats.threat_model:KNOWS")
    with pytest.raises(PluginError, match="secretive") as caught:
        prepare(read_study("heart", ["threat.attack=secretive"]))
    assert caught.value.code == "plugin.failed"
    assert "Grant" in caught.value.why
