"""Test rows are counted for a secure sum: what it tells, who may miss, who cannot cheat in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.data.tabular.cohorts import write_study
from tests.learning.evaluation.test_tally import auc_pair_by_pair

from collegium.assembly.preparation import prepare
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.studies import StudyHistory
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.federation import site_evaluation
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_model
from collegium.learning.evaluation.counts import Counts
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.evaluation.summed import EvaluationSum, decode_sum, measures
from collegium.learning.models import predict
from collegium.ledger.blobs import read_blob
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.series import EVALUATION, SET_UP
from collegium.measuring.reporting import report_on
from collegium.mechanisms.statistics.speaking import SettingUp
from collegium.mechanisms.sums.counted import counted
from collegium.mechanisms.sums.terms import SumTerms
from collegium.secrecy.masking import RingVector
from collegium.simulation.execution import run
from collegium.study.reading import read_study
from collegium.threats.attack import AdversaryContext

MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
SHORT = ("training.rounds=1", "evaluation.bootstrap=0", "study.max_attempts=2")


def story_of(folder: Path) -> StudyHistory:
    """The one study of a run's ledger."""
    study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
    (study_history,) = study_histories.values()
    return study_history


def blob(folder: Path, name: str) -> bytes:
    """A blob of a run."""
    data = read_blob(folder / "blobs", from_text(name, 32))
    assert data is not None
    return data


def sum_of(folder: Path) -> EvaluationSum:
    """What the ledger of a run tells of the sum over test rows."""
    closed = [one.summed for one in story_of(folder).sums.values() if one.summed is not None]
    assert len(closed) == 1
    return decode_sum(blob(folder, closed[0].total))


def fall_silent(
    monkeypatch: pytest.MonkeyPatch, step: int, phases: Collection[str], *members: str
) -> None:
    """Let sites say nothing in some phases of the sum in a step of set-up."""
    honest = SettingUp.reconcile

    def reconcile(self: SettingUp, view: StudyView, *, idle: bool) -> list[bytes]:
        mute = view.number == SET_UP + step and view.phase in phases
        mute = mute and self.name.partition(" ")[0] in members
        return [] if mute else honest(self, view, idle=idle)

    monkeypatch.setattr(SettingUp, "reconcile", reconcile)


def silent(member: str, *phases: str) -> Callable[[Participant, AdversaryContext], Participant]:
    """Put who says nothing in some phases of the sum over test rows in a site's place."""

    class Silent(msgspec.Struct):
        honest: Participant
        name: str

        def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
            gone = view.number == EVALUATION and view.phase in phases
            return [] if gone else self.honest.reconcile(view, idle=idle)

    def replaced(participant: Participant, place: AdversaryContext) -> Participant:
        asked = participant.name == f"{member} (site)"
        return Silent(participant, participant.name) if asked else participant

    return replaced


def codes(folder: Path) -> list[tuple[str, str]]:
    """Code and severity of what verification finds."""
    found = verify(folder)
    assert found.ok
    return [(one.code, one.severity) for one in found.findings]


@pytest.mark.parametrize(
    ("preset", "protocol"),
    [
        ("heart", MASKED),
        ("heart10", 'privacy.secure_aggregation={ protocol = "secagg", groups = 3 }'),
        ("heart", 'privacy.secure_aggregation={ protocol = "threshold_he" }'),
    ],
    ids=["masked", "in groups", "encrypted"],
)
def test_the_sum_is_what_all_rows_together_give_and_sites_sign_rows_alone(
    tmp_path: Path, preset: str, protocol: str
) -> None:
    changes: Sequence[str] = (*SHORT, protocol)
    folder = run(preset, out=tmp_path / "run", changes=changes).folder
    prepared, study_history = prepare(read_study(preset, changes)), story_of(folder)
    model = decode_model(blob(folder, study_history.model)).parameters
    rows = [prepared.test[name] for name in prepared.sites]
    y = np.concatenate([one.y for one in rows])
    scores = predict(prepared.parts.spec, model, np.concatenate([one.x for one in rows]))
    told = sum_of(folder)
    assert (told.rows, told.sites, told.model) == (len(y), len(rows), study_history.model)
    found, exact = measures(told), measure("binary", y, scores, 0.5)
    assert found["auc"] == pytest.approx(auc_pair_by_pair(y, scores), abs=1e-9)
    assert found["auc"] == pytest.approx(exact["auc"], abs=0.002)
    for name in ("accuracy", "sensitivity", "specificity"):
        assert found[name] == pytest.approx(exact[name], abs=1e-12)
    said = [
        decode_statement(blob(folder, post.federated)) for post in study_history.statements.values()
    ]
    assert {one.withheld for one in said} == {"all"}
    assert sum(one.rows for one in said) == told.rows
    checked = verify(folder).checked
    assert checked["sums"] == 1
    assert codes(folder) == []


def test_a_site_that_dies_after_masking_is_named_and_not_in_the_sum(tmp_path: Path) -> None:
    dying = silent("va", "reveal", "share")
    folder = run("heart", out=tmp_path / "run", changes=(*SHORT, MASKED), substitute=dying).folder
    assert sum_of(folder).sites == 3
    assert codes(folder) == [("site.withheld", "fault")]


def test_a_site_that_sends_no_keys_is_left_out_from_the_start(tmp_path: Path) -> None:
    changes = (*SHORT, MASKED)
    folder = run("heart", out=tmp_path / "run", changes=changes, substitute=silent("va", "sa.keys"))
    assert sum_of(folder.folder).sites == 3
    assert codes(folder.folder) == [("site.silent", "fault")]


def test_too_few_sites_open_nothing_and_the_model_stands(tmp_path: Path) -> None:
    first, second = silent("va", "share"), silent("hungarian", "share")
    result = run(
        "heart", out=tmp_path / "run", changes=(*SHORT, MASKED),
        substitute=lambda participant, place: second(first(participant, place), place),
    )  # fmt: skip
    assert result.outcome == "completed"
    found = codes(result.folder)
    assert ("sum.given-up", "fault") in found
    study_history = story_of(result.folder)
    assert len(study_history.sums) == 2
    assert not any(attempt.summed for attempt in study_history.sums.values())
    assert len(study_history.statements) == 4


@pytest.mark.parametrize(
    ("bent", "finding"),
    [
        ([(0, 3), (2048, 3), (2052, 3)], "sum.rows"),
        ([(0, -4000)], "sum.refused"),
        ([(2048, 1)], "sum.refused"),
    ],
    ids=["rows that are not there", "a negative count", "counts that contradict each other"],
)
def test_who_lies_in_its_counts_is_found_out_but_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bent: list[tuple[int, int]], finding: str
) -> None:
    liars = iter([True])

    def lying(counts: Counts, largest: Counts) -> RingVector:
        vector = counted(counts, largest)
        for place, more in bent if next(liars, False) else []:
            vector[place] += np.uint64(more % 2**64)
        return vector

    monkeypatch.setattr(site_evaluation, "counted", lying)
    folder = run("heart", out=tmp_path / "run", changes=(*SHORT, MASKED)).folder
    assert finding in [code for code, _ in codes(folder)]


def test_counts_of_another_length_are_left_out_and_their_site_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liars = iter([True])

    def short(counts: Counts, largest: Counts) -> RingVector:
        vector = counted(counts, largest)
        return vector[1:].copy() if next(liars, False) else vector

    monkeypatch.setattr(site_evaluation, "counted", short)
    folder = run("heart", out=tmp_path / "run", changes=(*SHORT, MASKED)).folder
    assert sum_of(folder).sites == 3
    assert codes(folder) == [("site.unavailable", "fault")]


def test_noise_and_plain_updates_have_no_sum(tmp_path: Path) -> None:
    folder = run("heart", out=tmp_path / "run", changes=SHORT).folder
    study_history = story_of(folder)
    assert not study_history.sums
    assert part_of(study_history.registration.terms, SumTerms) is None


def test_tables_are_set_up_by_sums_of_which_nobody_sees_a_part(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    folder = run(study, out=tmp_path / "run", changes=(*SHORT, MASKED)).folder
    study_history, found = story_of(folder), verify(folder)
    assert found.ok
    assert [(one.code, one.severity) for one in found.findings] == []
    assert (found.checked["statistics"], found.checked["sums"]) == (1, 3)
    assert [bool(step.posts) for step in study_history.steps.values()] == [True, False, False]
    prepared = prepare(read_study(study, (*SHORT, MASKED))).table
    assert prepared is not None
    assert study_history.begun is not None
    assert blob(folder, study_history.begun.agreement) == prepared.blob
    page = report_on(folder).read_text("utf-8")
    assert "only the sum over the sites was visible" in page


def test_a_site_that_dies_in_set_up_leaves_a_sum_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulation foretells what four agree on, and does not begin with what three have."""
    study = write_study(tmp_path)
    fall_silent(monkeypatch, 2, ("reveal", "share"), "va")
    result = run(study, out=tmp_path / "run", changes=(*SHORT, MASKED))
    study_history = story_of(result.folder)
    (attempt,) = (one for one in study_history.sums.values() if one.opened.round == SET_UP + 2)
    assert attempt.summed is not None
    assert attempt.included == ("cleveland", "hungarian", "switzerland")
    told = decode_agreed(blob(result.folder, attempt.summed.total))
    assert told.included[1] == attempt.included
    assert ("site.withheld", "fault") in codes(result.folder)


def test_too_few_sites_in_set_up_fail_the_study_and_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    fall_silent(monkeypatch, 3, ("share",), "va", "hungarian")
    result = run(study, out=tmp_path / "run", changes=(*SHORT, MASKED))
    assert result.outcome == "failed"
    assert ("study.failed", "fault") in codes(result.folder)
    attempts = [
        one for one in story_of(result.folder).sums.values() if one.opened.round > SET_UP + 2
    ]
    assert [one.opened.attempt for one in attempts] == [1, 2]
    assert not any(one.summed for one in attempts)
