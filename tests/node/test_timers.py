"""The wall clock decides when a study's participants are told that nothing more has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from collegium.federation.view import StudyView
from collegium.node.timers import OnlineClock, Timers


@dataclass
class Hands:
    """A clock that a test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Where:
    """The part of a view that timers look at."""

    phase: str
    number: int = 1
    attempt: int = 1
    study: str = "heart"


def at(phase: str, number: int = 1, attempt: int = 1, study: str = "heart") -> StudyView:
    return cast(StudyView, Where(phase, number, attempt, study))


def test_a_phase_is_idle_half_of_it_in_and_at_its_end_once_each() -> None:
    clock = Hands()
    timers = Timers(10.0, 1000.0, clock)
    told = []
    for _ in range(25):
        told.append(timers.idle(at("commit")))
        clock.now += 1.0
    assert [second for second, idle in enumerate(told) if idle] == [5, 10, 15, 20]


def test_what_was_slept_through_is_told_once() -> None:
    clock = Hands()
    timers = Timers(10.0, 1000.0, clock)
    assert not timers.idle(at("commit"))
    clock.now += 60
    assert timers.idle(at("commit"))
    assert not timers.idle(at("commit"))


def test_the_time_begins_anew_with_each_phase_attempt_and_round() -> None:
    clock = Hands()
    timers = Timers(10.0, 1000.0, clock)
    for place in (at("commit"), at("reveal"), at("commit", 1, 2), at("commit", 2)):
        assert not timers.idle(place)
        clock.now += 4
        assert not timers.idle(place)
        assert timers.waited(place) == 4


def test_studies_do_not_share_their_time() -> None:
    clock = Hands()
    timers = Timers(10.0, 1000.0, clock)
    timers.idle(at("commit", study="one"))
    clock.now += 6
    assert timers.idle(at("commit", study="one"))
    assert not timers.idle(at("commit", study="two"))


def test_a_study_that_waits_for_all_may_be_given_up_only_after_long_patience() -> None:
    clock = Hands()
    timers = Timers(10.0, 1000.0, clock)
    assert not timers.may_abandon(at("commit"))
    clock.now += 999
    assert not timers.may_abandon(at("commit"))
    clock.now += 1
    assert timers.may_abandon(at("commit"))


def test_nobody_has_waited_for_less_than_nothing() -> None:
    hands = Hands()
    clock = OnlineClock(hands)
    clock.tick(online=True)
    hands.now += 3
    timers = Timers(10.0, 1000.0, clock.now)
    assert timers.waited(at("commit")) == 0
    clock.tick(online=False)
    assert timers.waited(at("commit")) == 0, "though the clock went back to the last answer"


def test_time_stands_still_while_the_sequencer_is_away() -> None:
    hands = Hands()
    clock = OnlineClock(hands)
    clock.tick(online=True)
    start = clock.now()
    hands.now += 3
    assert clock.now() == start + 3, "between two answers it goes on"
    clock.tick(online=True)
    for _ in range(5):  # the first failure comes after time in which nobody answered
        hands.now += 7
        clock.tick(online=False)
        assert clock.now() == start + 3
    hands.now += 7
    assert clock.now() == start + 3
    clock.tick(online=True)
    assert clock.now() == start + 3
    hands.now += 2
    assert clock.now() == start + 5
