"""Whoever cheats in secure aggregation is survived and named, and the model is as without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.threats.trial import attempt

from collegium.audit.verify import verify
from collegium.errors import StudyError
from collegium.simulation.execution import run

VA = "threat.attackers=['va']"
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'


@pytest.mark.parametrize(
    ("attack", "codes", "attempts"),
    [
        ("keyless_site", {"site.silent"}, 1),
        ("dealless_site", {"site.silent"}, 1),
        ("silent_site", {"site.silent"}, 1),
        ("withheld_reveal", {"site.withheld"}, 1),
        ("shareless_site", {"site.no-shares"}, 1),
        ("lying_holder", {"share.forged"}, 1),
        ("lying_dealer", {"deal.barred"}, 2),
        ("secretless_dealer", {"deal.barred", "deal.unsound"}, 2),
    ],
)
def test_a_cheat_is_survived_and_named(
    tmp_path: Path, attack: str, codes: set[str], attempts: int
) -> None:
    found = attempt(tmp_path / "run", f"threat.attack={attack}", MASKED, "threat.rounds=[2]", VA)
    assert found.stopped is None
    assert found.result is not None
    assert found.result.outcome == "completed"
    assert found.verification.ok
    assert found.verification.levels == {"recomputed": 3}
    assert found.named() == {"va": codes}
    assert found.codes()["attempt.failed"] == attempts - 1


@pytest.mark.parametrize(
    ("attack", "codes", "attempts"),
    [
        ("keyless_site", {"site.silent"}, 1),
        ("dealless_site", {"site.silent"}, 1),
        ("withheld_reveal", {"site.withheld"}, 1),
        ("shareless_site", {"site.no-shares"}, 1),
        ("lying_holder", {"share.forged"}, 1),
        ("lying_dealer", {"deal.barred"}, 2),
    ],
)
def test_a_cheat_with_encrypted_updates_is_survived_and_named(
    tmp_path: Path, attack: str, codes: set[str], attempts: int
) -> None:
    changes = (f"threat.attack={attack}", ENCRYPTED, "threat.rounds=[2]", VA)
    found = attempt(tmp_path / "run", *changes)
    assert found.result is not None
    assert found.result.outcome == "completed"
    assert found.verification.ok
    assert found.verification.levels == {"recomputed": 3}
    assert found.named() == {"va": codes}
    assert found.codes()["attempt.failed"] == attempts - 1


def test_who_encrypts_under_another_key_than_it_dealt_spoils_the_sum_unnamed(
    tmp_path: Path,
) -> None:
    changes = ("threat.attack=secretless_dealer", ENCRYPTED, "threat.rounds=[2]", VA)
    found = attempt(tmp_path / "run", *changes)
    assert found.result is not None
    assert found.result.outcome == "failed"
    assert found.verification.ok
    assert found.verification.levels == {"recomputed": 1}
    assert found.named() == {}


def test_who_drops_out_after_dealing_changes_nothing_for_the_others(tmp_path: Path) -> None:
    plain = attempt(tmp_path / "plain", "threat.attack=silent_site", VA)
    for attack in ("silent_site", "withheld_reveal", "keyless_site"):
        masked = attempt(tmp_path / attack, f"threat.attack={attack}", MASKED, VA)
        assert plain.result is not None
        assert masked.result is not None
        assert masked.result.model == plain.result.model


def test_an_attack_on_shares_needs_shares(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="attacks secure aggregation") as caught:
        run("heart", out=tmp_path / "run", changes=["threat.attack=lying_dealer"])
    assert "secagg" in caught.value.todo


def test_who_commits_to_another_vector_needs_to_be_asked_for_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="commits to another vector") as caught:
        run("heart", out=tmp_path / "run", changes=[MASKED, "threat.attack=lying_committer"])
    assert "sum_check" in caught.value.todo


def test_nobody_copies_updates_that_nobody_sees(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="looks at updates that others revealed"):
        run("heart10", out=tmp_path / "run", changes=[MASKED, "threat.attack=copycat"])


GRAPH = 'privacy.secure_aggregation={ protocol = "secagg_plus", degree = 6, threshold = 5 }'


@pytest.mark.parametrize(
    ("attack", "code", "attempts"),
    [
        ("shareless_site", "site.no-shares", 1),
        ("withheld_reveal", "site.withheld", 1),
        ("lying_holder", "share.forged", 1),
        ("lying_dealer", "deal.barred", 2),
        ("secretless_dealer", "deal.unsound", 2),
        ("lying_validator", "validator.outvoted", 1),
    ],
)
def test_a_cheat_in_a_graph_is_survived_and_named(
    tmp_path: Path, attack: str, code: str, attempts: int
) -> None:
    changes = ("training.rounds=2", "evaluation.bootstrap=0", GRAPH, "threat.rounds=[2]")
    ran = run("heart10", out=tmp_path / "run", changes=[*changes, f"threat.attack={attack}"])
    assert ran.outcome == "completed"
    found = verify(ran.folder)
    assert found.ok
    assert found.levels == {"recomputed": 2}
    (cheat,) = ran.attackers
    named = {one.what.split()[0] for one in found.findings if one.code == code}
    assert named == {cheat}
    failed = [one for one in found.findings if one.code == "attempt.failed"]
    assert len(failed) == attempts - 1
