"""One member misbehaves, and three of four do not: the study ends right, and the one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.threats.trial import Trial, attempt

from collegium.federation.participant import Participant
from collegium.ledger.contract.events import VoteLate, decode_events
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.plugins import BUILT_IN, find
from collegium.threats.attack import Place
from collegium.threats.poisoning import Poisoning
from collegium.threats.sites import BlobAttack

Attempt = Callable[..., Trial]

NAMED_FOR = {
    "equivocating_validator": {"member.equivocated"},
    "lying_validator": {"validator.outvoted"},
    "silent_validator": {"validator.did-not-attest", "validator.silent"},
    "silent_site": {"site.silent"},
    "misshaped_update": {"site.unavailable"},
    "non_finite_update": {"site.unavailable"},
    "out_of_range_update": {"site.unavailable"},
    "two_faced_site": {"site.unavailable"},
    "withheld_reveal": {"site.withheld"},
}
HEALED = "partly_served_update"
MALFORMED = ("misshaped_update", "non_finite_update", "out_of_range_update")
LEFT_OUT = ("silent_site", "two_faced_site", "withheld_reveal", *MALFORMED)
FLOODING = "spammer"


def is_tried_here(name: str) -> bool:
    """All but what an update says (test_poisoning.py) and cheats with shares (test_dealing.py)."""
    attack = find("attacks", name)
    return not isinstance(attack, Poisoning) and "shares" not in attack.grant.capability


ATTACKS = sorted(filter(is_tried_here, BUILT_IN["attacks"]))


@pytest.fixture
def trial(tmp_path: Path) -> Attempt:
    return lambda *changes, **also: attempt(tmp_path / "run", *changes, **also)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return attempt(tmp_path_factory.mktemp("honest") / "run")


def is_sound(trial: Trial) -> bool:
    """Whether a study under attack was carried out, and its evidence holds."""
    told = trial.verification
    assert trial.result is not None
    return (
        told.ok
        and told.complete
        and told.anchored == "checkpoint"
        and told.levels == {"recomputed": 3}
        and trial.result.outcome == "completed"
    )


def test_every_attack_is_tried_here() -> None:
    assert set(ATTACKS) == {*NAMED_FOR, HEALED, FLOODING}


def test_nobody_is_named_where_all_are_honest(honest: Trial) -> None:
    assert is_sound(honest)
    assert honest.verification.findings == ()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("attacker", ["cleveland", "hungarian", "va"])
def test_the_study_ends_right_and_the_culprit_alone_is_named(
    trial: Attempt, honest: Trial, attack: str, attacker: str
) -> None:
    tried = trial(f"threat.attack={attack}", f'threat.attackers=["{attacker}"]')
    assert is_sound(tried)
    if attack in NAMED_FOR:
        assert tried.named() == {attacker: NAMED_FOR[attack]}
    same_model = tried.verification.model == honest.verification.model
    assert same_model == (attack not in LEFT_OUT)


def test_a_liar_who_votes_last_is_named_although_the_quorum_did_not_wait(
    trial: Attempt, tmp_path: Path
) -> None:
    tried = trial("threat.attack=lying_validator", 'threat.attackers=["va"]')
    frames = read_frames((tmp_path / "run" / "ledger.log").read_bytes())
    late = [
        event
        for frame in frames
        if frame.kind == ENTRY
        for event in decode_events(decode_entry(frame.body)[1])
        if isinstance(event, VoteLate)
    ]
    assert [(event.round, event.agrees) for event in late] == [(1, False), (2, False), (3, False)]
    assert tried.named() == {"va": {"validator.outvoted"}}


def test_a_latecomer_is_not_called_silent(trial: Attempt) -> None:
    # It misses round 2, comes back, and votes on it while round 3 is open.
    tried = trial("threat.attack=silent_validator", "threat.rounds=[2]")
    assert tried.named() == {"va": {"validator.did-not-attest"}}
    assert tried.verification.checked["votes"] == 12


def test_the_rounds_of_an_attack_are_named(trial: Attempt) -> None:
    tried = trial("threat.attack=lying_validator", "threat.rounds=[2]")
    (found,) = tried.verification.findings
    assert (found.code, found.where) == ("validator.outvoted", "heart, round 2")


def test_an_update_served_to_a_quorum_reaches_all_and_its_site_is_told(
    trial: Attempt, honest: Trial
) -> None:
    # Bytes are not signed, so it stays open which of the two is to blame; both are told.
    tried = trial(f"threat.attack={HEALED}", 'threat.attackers=["switzerland"]')
    assert is_sound(tried)
    assert tried.verification.model == honest.verification.model
    (found,) = tried.verification.findings
    assert (found.code, found.severity) == ("update.contested", "fault")
    assert "switzerland's update" in found.what
    assert "va did not get it" in found.what
    assert found.where == "heart, rounds 1, 2, 3"


def test_two_sites_that_serve_half_of_the_validators_are_left_out(trial: Attempt) -> None:
    tried = trial("threat.attack=two_faced_site", "threat.attackers=2", "study.min_sites=2")
    assert is_sound(tried)
    assert tried.named() == {
        "switzerland": {"site.unavailable"}, "va": {"site.unavailable"},
    }  # fmt: skip


def test_an_update_served_to_nobody_is_left_out_and_its_site_named(
    trial: Attempt, honest: Trial
) -> None:
    nothing = BlobAttack("nothing", "serves other bytes to everybody", 0.0)

    def also(participant: Participant, place: Place) -> Participant:
        return (
            nothing.take_over(participant, place)
            if participant.name == "va (site)"
            else participant
        )

    tried = trial(also=also)
    assert is_sound(tried)
    assert tried.named() == {"va": {"site.unavailable"}}
    assert tried.verification.model != honest.verification.model


def test_a_spammer_is_named_by_what_was_measured(trial: Attempt, honest: Trial) -> None:
    tried = trial(f"threat.attack={FLOODING}", 'threat.attackers=["va"]')
    assert tried.result is not None
    assert honest.result is not None
    measured = tried.result.measured
    assert {name.partition(":")[0] for name in measured.rejected} == {"va (site)"}
    assert set(measured.dropped) == {"va (site)"}
    # A pass takes up its quota and drops the rest; nothing of it reaches the ledger.
    assert tried.result.entries == honest.result.entries


def test_everybody_equivocates(trial: Attempt, honest: Trial) -> None:
    tried = trial("threat.attack=equivocating_validator", "threat.attackers=4")
    assert is_sound(tried)
    assert tried.verification.model == honest.verification.model
    assert len(tried.named()) == 4


@pytest.mark.parametrize("attack", MALFORMED)
def test_an_update_that_is_none_is_left_out_before_any_arithmetic(
    trial: Attempt, tmp_path: Path, attack: str
) -> None:
    silent = attempt(tmp_path / "silent", "threat.attack=silent_site")
    assert trial(f"threat.attack={attack}").verification.model == silent.verification.model
