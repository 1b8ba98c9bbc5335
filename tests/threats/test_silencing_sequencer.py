"""A sequencer that keeps what opens a sum and silences one hospital learns nothing of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.federation.kit import consortium
from tests.threats.unmasking import Unmasker

from collegium.audit.faults import faults
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.studies import StudyHistory
from collegium.errors import RunError
from collegium.federation.loop import drive
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.contract import members
from collegium.ledger.contract.series import EVALUATION
from collegium.mechanisms.dealing.speaking import Dealer
from collegium.secrecy.masking import RingVector, signed

VICTIM = "va"
SECAGG = 'privacy.secure_aggregation={ protocol = "secagg" }'
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
SHORT = ("training.rounds=1", "study.max_attempts=3")
CASES = pytest.mark.parametrize(
    ("hides", "number"),
    [(SECAGG, 1), (ENCRYPTED, 1), (SECAGG, EVALUATION), (ENCRYPTED, EVALUATION)],
    ids=["masked", "encrypted", "counts under masks", "counts of an encrypted study"],
)


@dataclass(frozen=True, slots=True)
class Silenced:
    """A participant between whom and the ledger the sequencer sits."""

    inner: Participant
    sequencer: Unmasker

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        try:
            due = self.inner.reconcile(view, idle=idle)
        except RunError as error:  # which a node tells in its status
            if error.code != "sum.other-set":
                raise
            return []
        member = self.name.partition(" ")[0]
        return [one for one in due if not self.sequencer.withholds(member, one)]


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> dict[int, NDArray[np.int64]]:
    """What the victim hides in each round."""
    honest, found = Dealer.masked, dict[int, NDArray[np.int64]]()

    def spied(self: Dealer, view: StudyView, vector_in: object) -> bytes:
        def vector(ring: int) -> RingVector:
            made: RingVector = vector_in(ring)  # type: ignore[operator]
            if self.identity.member == VICTIM:
                found.setdefault(view.number, signed(made.copy()).astype(np.int64))
            return made

        return honest(self, view, vector)

    monkeypatch.setattr(Dealer, "masked", spied)
    return found


def attacked(folder: Path, hides: str, number: int) -> NDArray[np.int64] | None:
    """Return what the sequencer finds of its victim in a study, or None."""
    sequencer = Unmasker(VICTIM, number)
    with consortium(folder, *SHORT, hides) as within:
        silenced = [Silenced(one, sequencer) for one in within.participants]
        with suppress(RunError):
            drive(within.engine, "heart", silenced, lambda _: None, within.settle)
        within.engine.application.sync()
    return sequencer.difference(folder)


@CASES
def test_it_keeps_shares_and_silences_a_hospital_and_no_second_sum_is_opened(
    tmp_path: Path, hides: str, number: int
) -> None:
    assert attacked(tmp_path, hides, number) is None


@CASES
def test_where_nobody_minds_the_set_it_has_the_hospital_s_vector(
    tmp_path: Path, hides: str, number: int, masked: dict[int, NDArray[np.int64]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The attack as it was: under the first contract's rules, by nodes that remember nothing."""
    monkeypatch.setattr(members, "contract_version", lambda state: 1)
    monkeypatch.setattr("collegium.mechanisms.dealing.opened_sets._require", lambda *_, **__: None)
    found = attacked(tmp_path, hides, number)
    assert found is not None
    assert np.array_equal(found, masked[number])


@CASES
def test_a_node_alone_minds_the_set_whatever_the_ledger_says(
    tmp_path: Path, hides: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a ledger of the first contract, or another history: members open no second sum."""
    monkeypatch.setattr(members, "contract_version", lambda state: 1)
    assert attacked(tmp_path, hides, number) is None


@CASES
def test_the_contract_alone_minds_the_set_whatever_nodes_remember(
    tmp_path: Path, hides: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collegium.mechanisms.dealing.opened_sets._require", lambda *_, **__: None)
    assert attacked(tmp_path, hides, number) is None


def history_of(folder: Path, *, sequencer: bool) -> StudyHistory:
    """The study's history, of a ledger with a sequencer or without."""
    study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
    (found,) = study_histories.values()
    found.can_silence = sequencer
    return found


def test_nobody_is_blamed_for_what_the_sequencer_kept(tmp_path: Path) -> None:
    attacked(tmp_path, SECAGG, 1)
    blamed = faults("heart", history_of(tmp_path, sequencer=False))
    alone = {one.what.split()[0] for one in blamed if one.code.startswith("site.")}
    assert alone == {"cleveland", "hungarian", "switzerland", "va"}
    told = faults("heart", history_of(tmp_path, sequencer=True))
    assert {one.code for one in told if one.severity == "fault"} == {"study.failed"}
    unheard = {one.parameters["case"]: one for one in told if one.code == "ledger.unheard"}
    assert unheard["site.no-shares"].what == (
        "the ledger has nothing of cleveland, hungarian, switzerland, va that opens the sum: "
        "nothing was said, or whoever orders kept it back, and nobody can tell which"
    )
    assert unheard["site.no-shares"].where == "heart, round 1"
    assert set(unheard) == {"site.no-shares", "site.silent"}
