"""Two of six validators blame an honest dealer once its sum is open: nobody is barred for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.federation.kit import said

from collegium.audit.findings import Finding
from collegium.audit.verify import verify
from collegium.errors import RunError
from collegium.federation.identity import Identity
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract import members
from collegium.ledger.contract.results import Failure, ModelResult
from collegium.ledger.contract.transactions import RoundVote
from collegium.simulation.execution import run
from collegium.threats.attack import AdversaryContext

SECAGG = 'privacy.secure_aggregation={ protocol = "secagg" }'
SIX = ('data.partition={ by = "split", sites = 6 }', "training.rounds=2", "evaluation.bootstrap=0")


@dataclass(frozen=True, slots=True)
class Blaming:
    """A validator that says once of an honest dealer that its deal has failed."""

    inner: Participant
    identity: Identity
    dealer: str

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        return [self._lie(one) for one in self.inner.reconcile(view, idle=idle)]

    def _lie(self, envelope: bytes) -> bytes:
        vote = said(envelope)
        if not isinstance(vote, RoundVote) or (vote.round, vote.attempt) != (1, 1):
            return envelope
        if not isinstance(vote.result, ModelResult):
            return envelope
        blames = Failure(reason="deal", blames=self.dealer)
        place = {"study": vote.study, "round": vote.round, "attempt": vote.attempt}
        return self.identity.sign(RoundVote, **place, result=blames)


def blamed(folder: Path) -> tuple[str, str, tuple[Finding, ...]]:
    """Let the first two of six blame the last one; return it, the outcome and the findings."""
    names: list[str] = []

    def substitute(honest: Participant, place: AdversaryContext) -> Participant:
        names[:] = sorted({*names, *place.validators})
        lies = honest.name == f"{place.identity.member} (validator)"
        if lies and place.identity.member in names[:2]:
            return Blaming(honest, place.identity, names[-1])
        return honest

    ran = run("heart", out=folder, changes=[*SIX, SECAGG], substitute=substitute)
    found = verify(folder)
    assert found.ok
    return names[-1], ran.outcome, found.findings


def of(findings: tuple[Finding, ...], code: str) -> list[Finding]:
    return [one for one in findings if one.code == code]


def test_a_third_of_the_power_bars_no_honest_dealer_and_is_named(tmp_path: Path) -> None:
    dealer, outcome, findings = blamed(tmp_path / "run")
    assert outcome == "completed"
    assert of(findings, "deal.barred") == []
    (lie,) = of(findings, "deal.falsely-blamed")
    assert lie.parameters["case"] == "voted"
    assert lie.parameters["dealer"] == dealer
    assert len(lie.parameters["members"]) == 2  # type: ignore[arg-type]


def test_of_a_ledger_that_barred_an_honest_dealer_verify_names_who_lied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ledgers of the first contract's rules may have it."""
    monkeypatch.setattr(members, "contract_version", lambda state: 1)
    monkeypatch.setattr("collegium.mechanisms.dealing.opened_sets._require", lambda *_, **__: None)
    dealer, _, findings = blamed(tmp_path / "run")
    assert of(findings, "deal.barred") == [], "the deal is right, as the opened shares show"
    (lie,) = of(findings, "deal.falsely-blamed")
    assert (lie.severity, lie.parameters["case"]) == ("fault", "barred")
    assert dealer not in lie.parameters["members"]  # type: ignore[operator]
    assert dealer in lie.what


def test_without_the_deal_nobody_can_tell_who_lied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "contract_version", lambda state: 1)
    monkeypatch.setattr("collegium.mechanisms.dealing.opened_sets._require", lambda *_, **__: None)
    monkeypatch.setattr("collegium.mechanisms.dealing.checking.shown", lambda *_: "untold")
    _, _, findings = blamed(tmp_path / "run")
    (barred,) = of(findings, "deal.barred")
    assert (barred.severity, barred.parameters["case"]) == ("note", "untold")


def test_members_open_no_sum_without_a_dealer_that_was_barred_falsely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a ledger says: barring is no way to a second sum."""
    monkeypatch.setattr(members, "contract_version", lambda state: 1)
    with pytest.raises(RunError) as caught:
        blamed(tmp_path / "run")
    assert caught.value.code == "sum.other-set"
