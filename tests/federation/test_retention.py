"""A member's retention: updates are retired when they have been kept for long enough, and once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.federation.kit import consortium, identity_of, kinds, said, until

from collegium.federation.outbox import MemberOutbox
from collegium.federation.retention import Retention
from collegium.ledger.contract.transactions import BlobRetire
from collegium.ledger.ordering import Ordered
from collegium.simulation.consortium import Consortium

MEMBERS = ("cleveland", "hungarian", "switzerland", "va")
DAY = 86_400.0


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def within(tmp_path: Path) -> Iterator[Consortium]:
    with consortium(tmp_path / "run", "training.rounds=1", "consensus.validators=3") as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


def retention(within: Consortium, name: str, clock: Clock, days: float = 30) -> Retention:
    outbox = MemberOutbox(within.outbox, name)
    return Retention(identity_of(within, name), outbox, days * DAY, clock)


def ask(within: Consortium, one: Retention) -> list[bytes]:
    return one.reconcile(within.view(), idle=False)


def test_nothing_is_due_before_the_study_is_closed(within: Consortium, clock: Clock) -> None:
    one = retention(within, "va", clock, days=0)
    for phase in ("commit", "vote", "evaluation"):
        until(within, phase)
        assert ask(within, one) == []
        clock.now += 1000 * DAY


def test_updates_are_kept_as_long_as_the_member_says(within: Consortium, clock: Clock) -> None:
    until(within, "closed")
    one = retention(within, "va", clock)
    assert ask(within, one) == []
    clock.now += 30 * DAY - 1
    assert ask(within, one) == []
    clock.now += 1
    assert kinds(ask(within, one)) == ["blob.retire"]


def test_the_time_goes_on_while_the_member_is_off(within: Consortium, clock: Clock) -> None:
    until(within, "closed")
    assert ask(within, retention(within, "va", clock)) == []
    clock.now += 30 * DAY
    assert kinds(ask(within, retention(within, "va", clock))) == ["blob.retire"]


def test_a_site_retires_its_own_and_a_validator_votes_for_all(
    within: Consortium, clock: Clock
) -> None:
    until(within, "closed")
    both, site_only = (retention(within, name, clock, days=0) for name in ("cleveland", "va"))
    assert [said(one).updates for one in ask(within, both)] == ["own", "all"]  # type: ignore[attr-defined]
    assert [said(one).updates for one in ask(within, site_only)] == ["own"]  # type: ignore[attr-defined]


def test_what_is_said_is_said_once_and_ends_with_everything_retired(
    within: Consortium, clock: Clock
) -> None:
    until(within, "closed")
    members = [retention(within, name, clock, days=0) for name in MEMBERS]
    for one in members:
        due = ask(within, one)
        assert all(isinstance(said(envelope), BlobRetire) for envelope in due)
        outcomes = within.engine.submit(due)
        assert all(isinstance(outcome, Ordered) for outcome in outcomes), outcomes
        assert ask(within, one) == []
    assert within.view().retirement.is_retired("*")
    assert all(ask(within, one) == [] for one in members)
