"""One member falls silent for two rounds and comes back, in every design: all end alike and verify.

Whoever orders can do that to a member. It is not blamed, and a sum that may be open keeps its set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from examples import second_verifier
from tests.federation.kit import consortium

from collegium.audit.faults import faults
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.federation.loop import drive
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract.events import MemberBack, MembersSilent, MembersSkipped, RoundOpened
from collegium.ledger.contract.transactions import MemberHere, RoundTransaction
from collegium.measuring.result import RunResult
from collegium.simulation.execution import run
from collegium.threats.attack import AdversaryContext, said

GONE = "va"
SITE = "va-4"
"""Where there are twenty."""

AWAY = range(2, 4)
"""Rounds in which it says nothing."""

SHORT = ("training.rounds=6", "evaluation.bootstrap=0", "study.min_sites=3")
SUMMED = "privacy.secure_aggregation={{ protocol = {!r}{} }}"
SECAGG = SUMMED.format("secagg", "")
GRAPH = SUMMED.format("secagg_plus", ", degree = 2")
GROUPS = (
    "data.partition.sites=20", "study.min_sites=6", "aggregation.rule=median",
    SUMMED.format("secagg", ', groups = 5, fewest_groups = 2, threshold = 3, '
                  'trust = "honest_but_curious"'),
)  # fmt: skip
SCORES = ("aggregation.scores={ threshold = 0.05 }", "aggregation.rule=reputation_weighted")
SEARCH = ("search.training.learning_rate=[0.02, 0.6]", "search.validation=0.25")


@dataclass(frozen=True, slots=True)
class Paused:
    """A member's part whose process stands still while some rounds are open."""

    inner: Participant

    @property
    def name(self) -> str:
        """The participant's name."""
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due, or nothing."""
        away = view.round is not None and view.number in AWAY
        return [] if away else self.inner.reconcile(view, idle=idle)


def paused(participant: Participant, place: AdversaryContext) -> Participant:
    return Paused(participant) if participant.name.startswith((f"{GONE} (", SITE)) else participant


def events_of(folder: Path) -> list[Any]:
    history = read_history((folder / "ledger.log").read_bytes())
    return [event for one in history.said for event in one.events]


def with_silence(
    folder: Path, *changes: str, study: str = "heart", gone: str = GONE
) -> RunResult:  # fmt: skip
    """Run a study in which a member falls silent; check how it went on, and that it verifies."""
    result = run(study, out=folder, changes=[*SHORT, *changes], substitute=paused)
    events = events_of(folder)
    skipped = [one for one in events if isinstance(one, MembersSkipped)]
    opened = [one for one in events if isinstance(one, RoundOpened)]
    silent = [one for one in events if isinstance(one, MembersSilent)]
    assert {name for one in silent for name in one.members} == {gone}
    assert {one.round for one in silent} == {AWAY[0]}, "it costs its timers once"
    assert [one.members for one in skipped] == [(gone,)] * len(skipped)
    assert {one.round for one in skipped} >= set(AWAY[1:])
    without = {one.round for one in opened if gone not in one.participants}
    assert without == {one.round for one in skipped}
    assert gone in opened[-1].participants, "it came back"
    assert [one for one in events if isinstance(one, MemberBack)]
    assert verify(folder).ok
    return result


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return with_silence(tmp_path_factory.mktemp("plain") / "run")


@pytest.mark.parametrize("hides", [SECAGG, GRAPH], ids=["secagg", "secagg_plus"])
def test_masked_updates_lead_to_the_model_of_plain_ones(
    tmp_path: Path, plain: RunResult, hides: str
) -> None:
    assert with_silence(tmp_path / "run", hides).model == plain.model


def test_the_second_verifier_follows_who_is_skipped(plain: RunResult) -> None:
    assert second_verifier.verify(plain.folder, plain.folder / "policy.json") == []


@pytest.mark.parametrize(
    "changes",
    [SCORES, SEARCH, (SECAGG, *SEARCH)],
    ids=["scores", "search", "search under masks"],
)
def test_other_designs_go_on_and_verify(tmp_path: Path, changes: tuple[str, ...]) -> None:
    with_silence(tmp_path / "run", *changes)


def test_groups_go_on_without_one_and_it_comes_back(tmp_path: Path) -> None:
    with_silence(tmp_path / "run", *GROUPS, study="heart10", gone=SITE)


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a sequencer keeps of a member: all it says in some rounds, and that it is there."""

    inner: Participant

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        due = self.inner.reconcile(view, idle=idle)
        return [one for one in due if not self._kept(view, said(one))]

    def _kept(self, view: StudyView, what: object) -> bool:
        if isinstance(what, MemberHere):
            return view.number <= AWAY[-1]
        return isinstance(what, RoundTransaction) and what.round == AWAY[0]


def test_who_is_silenced_by_whoever_orders_is_not_blamed_and_comes_back(tmp_path: Path) -> None:
    with consortium(tmp_path, *SHORT) as within:
        kept = [
            Withheld(one) if one.name.startswith(f"{GONE} (") else one
            for one in within.participants
        ]
        drive(within.engine, "heart", kept, lambda _: None, within.settle)
        within.engine.application.sync()
    study_histories, _ = gather(read_history((tmp_path / "ledger.log").read_bytes()).said)
    history = study_histories["heart"]
    history.can_silence = True
    told = faults("heart", history)
    assert not [one for one in told if one.severity == "fault"], told
    (skipped,) = (one for one in told if one.code == "site.skipped")
    assert "whoever orders kept it back" in skipped.what
    assert GONE in history.closed_rounds[-1].opened.participants
