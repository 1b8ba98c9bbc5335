"""A site that claims 2^30 rows has half of the weight, and does not own the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from tests.audit.second import second_verdict
from tests.federation.kit import said
from tests.report.reading import Page

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.federation.identity import Identity
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.encoding import registered_weight
from collegium.ledger.contract.transactions import StudyAccept
from collegium.measuring.reporting import report_on
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study
from collegium.threats.attack import AdversaryContext

SHORT = ("training.rounds=2", "evaluation.bootstrap=0")
MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'


@dataclass(frozen=True, slots=True)
class Claiming:
    """A site that says that it has a billion rows."""

    inner: Participant
    identity: Identity

    @property
    def name(self) -> str:
        return self.inner.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        return [self._lie(one) for one in self.inner.reconcile(view, idle=idle)]

    def _lie(self, envelope: bytes) -> bytes:
        accepts = said(envelope)
        if not isinstance(accepts, StudyAccept):
            return envelope
        fields = msgspec.structs.asdict(accepts) | {"weight": 2**30}
        told = {name: one for name, one in fields.items() if name not in ("format", "genesis")}
        return self.identity.sign(StudyAccept, **told)


@pytest.mark.parametrize("changes", [(), (MASKED,)])
def test_a_billion_rows_are_half_of_the_weight_and_are_told(
    tmp_path: Path, changes: tuple[str, ...]
) -> None:
    def substitute(honest: Participant, place: AdversaryContext) -> Participant:
        lies = honest.name == "va (site)"
        return Claiming(honest, place.identity) if lies else honest

    ran = run("heart", out=tmp_path / "run", changes=[*SHORT, *changes], substitute=substitute)
    assert ran.outcome == "completed"
    found = verify(ran.folder)
    assert found.ok
    assert found.levels == {"recomputed": 2}
    (told,) = (one for one in found.findings if one.code == "site.share-bounded")
    assert told.severity == "note"
    assert told.parameters["claimed"] == 2**30
    claims = {name: len(rows.y) for name, rows in prepare(read_study("heart")).train.items()}
    others = sum(registered_weight(count) for name, count in claims.items() if name != "va")
    assert told.parameters["counted"] == others, "as much as all others together"
    assert second_verdict(ran.folder) == []


def test_a_share_that_grows_as_others_are_missing_is_told(tmp_path: Path) -> None:
    gone = ("threat.attack=silent_site", 'threat.attackers=["va"]')
    ran = run("heart", out=tmp_path / "run", changes=[*SHORT, *gone])
    shares = {one.site: one for one in verify(ran.folder).shares}
    weights = {"cleveland": 192, "hungarian": 128, "switzerland": 24}
    assert shares.keys() == weights.keys()
    for name, weight in weights.items():
        assert (shares[name].claimed, shares[name].weight) == (weight, weight)
        assert shares[name].least == shares[name].most == weight / 344
    page = Page(report_on(ran.folder).read_text())
    assert "Shares above 50 % (cleveland) come from" in page.sections["participants"]
    va = page.table("Sites, their rows")[4]
    assert (va[0], va[3:]) == ("va", ["0 of 2", "–", "–", "–"])


def test_no_share_is_told_where_weights_have_no_say(tmp_path: Path) -> None:
    changes = [*SHORT, "aggregation.rule=trimmed_mean", "aggregation.tolerate=1"]
    ran = run("heart", out=tmp_path / "run", changes=changes)
    assert verify(ran.folder).shares == ()
    page = Page(report_on(ran.folder).read_text())
    assert "Weight claimed" not in page.table("Sites, their rows")[0]


def test_check_says_whom_the_share_lowers_or_that_it_lowers_nobody() -> None:
    def told(*changes: str) -> str:
        notices = prepare(read_study("heart", [*SHORT, *changes])).notices
        (notice,) = (one for one in notices if one.code == "study.largest-share")
        return notice.text

    assert "lowers nobody's" in told()
    assert "cleveland; hungarian counts with 66" in told("aggregation.largest_share=0.3")


def test_a_study_without_its_ledger_lowers_the_same_weights(tmp_path: Path) -> None:
    changes = [*SHORT, "aggregation.largest_share=0.3"]
    ran = run("heart", out=tmp_path / "run", changes=changes)
    rehearsed = run_without_ledger(prepare(read_study("heart", changes)))
    assert ran.model == rehearsed.digest.hex()
    (notice,) = (one for one in ran.notices if one.code == "study.largest-share")
    assert notice.parameters["case"] == "lowered"
    unbound = run_without_ledger(prepare(read_study("heart", list(SHORT))))
    assert unbound.digest != rehearsed.digest
