"""Traps: which rounds have one, and that who vouches for it without looking is shown to have."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.threats.trial import MEMBERS, attempt

from collegium.threats.traps import trapping

EVERY_ROUND = "faults.traps=1.0"


def test_a_share_of_all_rounds_has_one_and_every_site_is_one_sometimes() -> None:
    drawn = [trapping(0.3, 7, number, MEMBERS) for number in range(400)]
    assert 90 < sum(name is not None for name in drawn) < 150
    assert set(drawn) == {None, *MEMBERS}
    assert drawn == [trapping(0.3, 7, number, MEMBERS) for number in range(400)]
    assert drawn != [trapping(0.3, 8, number, MEMBERS) for number in range(400)]


def test_validators_that_look_are_not_named_and_the_trap_is_no_fault(tmp_path: Path) -> None:
    tried = attempt(tmp_path / "run", EVERY_ROUND)
    assert tried.verification.ok
    assert tried.named() == {}
    assert tried.codes()["site.unavailable"] == 3


@pytest.mark.parametrize("lazy", [("va",), ("hungarian", "va")])
def test_who_attests_without_looking_is_named(tmp_path: Path, lazy: tuple[str, ...]) -> None:
    names = str(list(lazy)).replace("'", '"')
    tried = attempt(
        tmp_path / "run", EVERY_ROUND, "threat.attack=lazy_validator", f"threat.attackers={names}"
    )
    assert tried.verification.ok
    assert tried.named() == {name: {"validator.attested-unsound"} for name in lazy}


def test_three_lazy_validators_of_four_stall_the_study_and_are_named(tmp_path: Path) -> None:
    tried = attempt(
        tmp_path / "run", EVERY_ROUND, "threat.attack=lazy_validator", "threat.attackers=3"
    )
    assert tried.verification.levels == {}
    assert tried.named() == {
        name: {"validator.attested-unsound"} for name in ("hungarian", "switzerland", "va")
    }


def test_without_traps_nobody_notices(tmp_path: Path) -> None:
    tried = attempt(tmp_path / "run", "threat.attack=lazy_validator", "threat.attackers=3")
    assert tried.verification.ok
    assert tried.named() == {}
