"""The loop asks everybody until the study is closed, and never for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.federation.kit import (
    consortium,
    identity_of,
    owner,
    resigned,
    said,
    site,
    until,
    validator,
)

from collegium.canonical import to_text
from collegium.errors import RunError
from collegium.federation.loop import QUOTA, LoopStatistics, drive
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.transactions import EvidenceConflict, StudyClose, Transaction
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import Answer, Health, NotYet, Ordering
from collegium.ledger.state import State
from collegium.simulation.consortium import Consortium


@dataclass(slots=True)
class Watched:
    """A participant whose timer is watched, and which may say more than is due."""

    inner: Participant
    extra: tuple[bytes, ...] = ()
    idles: list[bool] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        self.idles.append(idle)
        return self.inner.reconcile(view, idle=idle) + list(self.extra)


def driven(within: Consortium, *participants: Participant) -> tuple[LoopStatistics, int]:
    """What the loop saw, and how many transactions it reported as accepted."""
    accepted: list[AcceptedTransaction] = []
    asked = participants or within.participants
    traffic = drive(within.engine, within.prepared.study.study.id, asked, accepted.extend)
    return traffic, len(accepted)


def test_it_ends_with_the_study_and_reports_every_transaction_once(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        traffic, accepted = driven(within)
        assert within.view().phase == "closed"
        assert accepted == within.engine.application.size > 0
        assert not traffic.rejected
        assert not traffic.dropped


def test_what_is_kept_is_settled_before_anything_is_announced(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        submit, order = within.engine.submit, list[str]()

        def submitting(batch: Sequence[bytes]) -> list[Answer]:
            order.append("submit")
            return submit(batch)

        def settle() -> None:
            order.append("settle")
            within.settle()

        within.engine.submit = submitting  # type: ignore[method-assign, assignment]
        drive(within.engine, within.view().study, within.participants, lambda _: None, settle)
        assert order == ["settle", "submit"] * (len(order) // 2)
        assert len(order) > 10


def test_a_closed_study_is_left_alone(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        driven(within)
        size = within.engine.application.size
        traffic, accepted = driven(within)
        assert (traffic.passes, accepted, within.engine.application.size) == (0, 0, size)


def test_timers_fire_only_after_a_pass_that_brought_nothing(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        silent = site(within, "va")
        others = [one for one in within.participants if one is not silent]
        watched = Watched(validator(within, "hungarian"))
        others[others.index(watched.inner)] = watched
        traffic, _ = driven(within, *others)
        assert within.view().phase == "closed"
        assert watched.idles[0] is False
        assert 0 < sum(watched.idles) < len(watched.idles) == traffic.passes
        quiet = "".join("i" if idle else "." for idle in watched.idles)
        assert "iii" not in quiet


def test_where_nobody_has_anything_to_say_it_stops_with_an_error(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        watched = Watched(site(within))
        with pytest.raises(RunError) as caught:
            driven(within, watched)
        assert caught.value.code == "run.stuck"
        assert "'absent'" in caught.value.what
        assert watched.idles == [False, True, True]
        assert "refused" not in caught.value.why


def test_the_error_tells_what_was_refused_last(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        who = identity_of(within, "va")
        early = who.sign(StudyClose, study="heart")
        with pytest.raises(RunError) as caught:
            driven(within, Watched(site(within), (b"{}", early)), Watched(validator(within)))
        assert caught.value.code == "run.stuck"
        assert "last refused: va (site) (unknown-study: " in caught.value.why
        assert "malformed" not in caught.value.why
        assert "validator" not in caught.value.why


@dataclass(frozen=True, slots=True)
class Hushed:
    """A validator that says everything but some kinds of things."""

    inner: Participant
    kinds: tuple[type[Transaction], ...]

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due = self.inner.reconcile(view, idle=idle)
        return [envelope for envelope in due if not isinstance(said(envelope), self.kinds)]


@pytest.mark.parametrize("hushed", [(), ("cleveland",), ("cleveland", "hungarian", "va")])
def test_an_equivocation_comes_on_record_whoever_keeps_quiet_about_it(
    tmp_path: Path, hushed: tuple[str, ...]
) -> None:
    with consortium(tmp_path) as within:
        everybody: list[Participant] = [
            Hushed(one, (EvidenceConflict,)) if one.name.split()[0] in hushed else one
            for one in within.participants
        ]
        view = until(within, "commit", 1)
        first = site(within, "va").reconcile(view, idle=False)
        other = resigned(within, "va", first[0], commitment=to_text(bytes(32)))
        everybody.insert(0, Once(site(within, "va"), [*first, other]))
        accepted: list[AcceptedTransaction] = []
        traffic = drive(within.engine, view.study, everybody, accepted.extend)
        evidence = [one for one in accepted if isinstance(one.transaction, EvidenceConflict)]
        assert [one.sender not in hushed for one in evidence] == [True]
        assert traffic.passes < 20


@dataclass(slots=True)
class Once:
    """Says some things once."""

    inner: Participant
    due: list[bytes]

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due, self.due = self.due, []
        return due


def test_sites_without_a_quorum_of_validators_get_stuck_and_not_further(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        sites = [site(within, name) for name in within.prepared.sites]
        few = [validator(within, "cleveland"), validator(within, "va")]
        with pytest.raises(RunError, match=r"'available'.*\[run\.stuck\]"):
            driven(within, owner(within), *sites, *few)


def test_refusals_are_counted_by_who_spoke_and_harm_nobody(tmp_path: Path) -> None:
    with consortium(tmp_path / "quiet") as within:
        driven(within)
        undisturbed = within.engine.application.application_hash()
    with consortium(tmp_path / "loud") as within:
        loud = Watched(site(within), (b"{}", b"{}", b"nothing"))
        everybody = [loud if one is loud.inner else one for one in within.participants]
        traffic, _ = driven(within, *everybody)
        assert traffic.rejected == {("va (site)", "malformed"): 3 * traffic.passes}
        assert within.engine.application.application_hash() == undisturbed


def test_a_flood_is_cut_after_a_quota_and_counted(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        loud = Watched(site(within), (b"{}",) * (QUOTA + 10))
        everybody = [loud if one is loud.inner else one for one in within.participants]
        traffic, _ = driven(within, *everybody)
        assert within.view().phase == "closed"
        assert traffic.dropped["va (site)"] >= 10 * traffic.passes
        spoken = within.engine.application.size
        assert spoken < traffic.passes * QUOTA


def test_what_a_participant_says_twice_counts_once(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        (register,) = owner(within).reconcile(within.view(), idle=False)
        traffic, accepted = driven(
            within, *within.participants, Watched(owner(within), (register,))
        )
        assert accepted == within.engine.application.size
        assert traffic.rejected["cleveland (owner)", "already"] >= 1
        assert not [code for _, code in traffic.rejected if code != "already"]


def test_the_view_of_a_round_is_of_its_moment(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "commit", 1)
        assert list(view.participants) == within.prepared.sites
        assert list(view.validators) == within.prepared.validators
        assert (view.number, view.attempt, view.reveals) == (1, 1, {})
        assert not view.has_spoken("commits", "va")


@dataclass
class Slow:
    """An ordering in which everything waits for some steps, and one member is behind for longer."""

    inner: Ordering
    behind: str
    lag: int = 2
    left: int = 0
    held: list[bytes] = field(default_factory=list)

    @property
    def application(self) -> Application:
        return self.inner.application

    @property
    def final_size(self) -> int:
        return self.inner.final_size

    def state_of(self, member: str) -> State | None:
        return None if self.held and member == self.behind else self.inner.state_of(member)

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        if not self.held and envelopes:
            self.held, self.left = list(envelopes), self.lag
        return [NotYet() for _ in envelopes]

    def step(self, wait: float) -> list[AcceptedTransaction]:
        self.left -= 1
        if not self.held or self.left > 0:
            return []
        self.inner.submit(self.held)
        self.held = []
        return self.inner.step(wait)

    def due(self) -> Sequence[bytes]:
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        return self.inner.conflicts()

    def health(self) -> Health:
        return self.inner.health()

    def check(self) -> bool:
        return True

    def close(self, *, complete: bool = False) -> None:
        raise NotImplementedError


def test_what_is_not_ordered_yet_is_no_refusal_and_a_pass_that_waits_no_quiet_one(
    tmp_path: Path,
) -> None:
    with consortium(tmp_path) as within:
        slow = Slow(within.engine, "va")
        watched = [Watched(one) for one in within.participants]
        ours = next(one for one in watched if one.name.startswith("va"))
        traffic = drive(slow, "heart", watched, lambda _: None)
        assert within.view().phase == "closed"
        assert not traffic.rejected
        assert not any(any(one.idles) for one in watched), "nobody's timer has fired"
        assert len(ours.idles) < traffic.passes, "who is behind is not asked"
        others = [one for one in watched if not one.name.startswith("va")]
        assert {len(one.idles) for one in others} == {traffic.passes}


def test_what_is_never_ordered_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.federation.loop.WAITED_PASSES", 5)
    with consortium(tmp_path) as within:
        slow = Slow(within.engine, "va", lag=10**9)
        with pytest.raises(RunError) as caught:
            drive(slow, "heart", within.participants, lambda _: None)
        assert caught.value.code == "run.stuck"
        assert caught.value.why == "what was said does not become final"
