"""Every study ends: completed, failed with its last good model, or stopped and saying why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.threats.trial import MEMBERS, Trial, attempt

from collegium.errors import StudyError
from collegium.federation.participant import Participant
from collegium.threats.attack import AdversaryContext
from collegium.threats.sites import BlobAttack

Attempt = Callable[..., Trial]


@pytest.fixture
def trial(tmp_path: Path) -> Attempt:
    return lambda *changes, **also: attempt(tmp_path / "run", *changes, **also)


@pytest.fixture(scope="module")
def one_round(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """The honest study after its first round: what is left where the second one fails."""
    return attempt(tmp_path_factory.mktemp("honest") / "run", "training.rounds=1")


def has_failed(trial: Trial, rounds: int) -> bool:
    """Whether a study failed after some good rounds, with evidence that holds."""
    told = trial.verification
    assert trial.result is not None
    assert (trial.result.outcome, trial.result.rounds) == ("failed", rounds)
    return told.ok and told.complete and "study.failed" in trial.codes()


def test_two_liars_of_four_end_the_study_and_are_named(trial: Attempt, one_round: Trial) -> None:
    tried = trial("threat.attack=lying_validator", "threat.attackers=2", "threat.rounds=[2]")
    assert has_failed(tried, 1)
    assert tried.verification.model == one_round.verification.model
    assert tried.codes()["attempt.failed"] == 3
    assert tried.named() == {"switzerland": {"validator.wrong"}, "va": {"validator.wrong"}}


def test_nobody_reveals(trial: Attempt, one_round: Trial) -> None:
    tried = trial("threat.attack=withheld_reveal", "threat.attackers=4", "threat.rounds=[2]")
    assert has_failed(tried, 1)
    assert tried.verification.model == one_round.verification.model
    assert tried.named() == {name: {"site.withheld"} for name in MEMBERS}


def test_an_update_of_every_second_site_is_to_be_had_nowhere(trial: Attempt) -> None:
    nothing = BlobAttack("nothing", "serves other bytes to everybody", 0.0)

    def also(participant: Participant, place: AdversaryContext) -> Participant:
        attacks = participant.name in ("hungarian (site)", "va (site)")
        return nothing.take_over(participant, place) if attacks else participant

    tried = trial(also=also)
    assert has_failed(tried, 0)
    assert tried.named() == {"hungarian": {"site.unavailable"}, "va": {"site.unavailable"}}


def test_nobody_commits(trial: Attempt) -> None:
    tried = trial("threat.attack=silent_site", "threat.attackers=4")
    assert has_failed(tried, 0)
    assert tried.verification.levels == {}
    assert tried.named() == {name: {"site.silent"} for name in MEMBERS}


@pytest.mark.parametrize("count", [2, 3, 4])
def test_without_a_quorum_of_validators_the_run_stops_and_says_who_is_missing(
    trial: Attempt, count: int
) -> None:
    tried = trial("threat.attack=silent_validator", f"threat.attackers={count}")
    assert tried.stopped == "run.stuck"
    assert tried.verification.ok
    assert not tried.verification.complete
    (found,) = tried.verification.findings
    assert (found.code, found.severity) == ("attempt.open", "note")
    assert found.what.endswith(f"waits for {', '.join(MEMBERS[-count:])}")


def test_a_round_goes_on_without_those_who_drop_out(trial: Attempt) -> None:
    tried = trial("faults.dropout=0.25")
    assert tried.result is not None
    assert tried.result.outcome == "completed"
    assert tried.verification.levels == {"recomputed": 3}
    rounds = [one.where for one in tried.verification.findings if one.code == "site.silent"]
    assert sum(where.count(str(number)) for where in rounds for number in (1, 2, 3)) == 3


def test_the_same_sites_drop_out_every_time(tmp_path: Path) -> None:
    models = {attempt(tmp_path / name, "faults.dropout=0.25").verification.model for name in "ab"}
    assert len(models) == 1


def test_more_dropping_out_than_a_round_bears_is_no_study(trial: Attempt) -> None:
    with pytest.raises(StudyError, match="2 of the 4 sites of a round drop out"):
        trial("faults.dropout=0.5")


def test_a_study_that_allows_fewer_sites_bears_more_dropping_out(trial: Attempt) -> None:
    tried = trial("faults.dropout=0.5", "study.min_sites=2")
    assert tried.result is not None
    assert tried.result.outcome == "completed"


def test_a_study_that_needs_all_sites_fails_without_one(trial: Attempt) -> None:
    tried = trial("study.min_sites=4", "threat.attack=silent_site")
    assert has_failed(tried, 0)
    assert tried.named() == {"va": {"site.silent"}}


def test_a_study_that_waits_for_everybody_is_abandoned(trial: Attempt, one_round: Trial) -> None:
    tried = trial("study.attendance=all", "threat.attack=silent_site", "threat.rounds=[2]")
    assert has_failed(tried, 1)
    assert tried.verification.model == one_round.verification.model
    assert tried.named() == {"va": {"site.silent"}}
    (failed,) = (one for one in tried.verification.findings if one.code == "study.failed")
    assert "abandoned" in failed.what


@pytest.mark.parametrize("attempts", [1, 2])
def test_attempts_are_counted(trial: Attempt, attempts: int) -> None:
    tried = trial(
        "threat.attack=silent_site", "threat.attackers=4", f"study.max_attempts={attempts}"
    )
    assert has_failed(tried, 0)
    assert tried.codes()["attempt.failed"] == attempts
