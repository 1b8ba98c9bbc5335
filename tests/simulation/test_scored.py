"""Studies whose validators score updates: run, resumed, rehearsed, and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.federation.kit import consortium, kinds, step, until, validator
from tests.mechanisms.scores.kit import scored

from collegium.assembly.preparation import prepare
from collegium.assembly.rules import check_rows
from collegium.audit.attempts import AttemptRecord
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.data.table import take
from collegium.errors import StudyError
from collegium.mechanisms.scores.checking import Scored
from collegium.mechanisms.scores.simulated import LedgerlessScores
from collegium.mechanisms.scores.terms import LARGEST_SCORE, UNIT
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.reading import read_study

SHORT = ["training.rounds=3", "evaluation.bootstrap=0", "aggregation.exponent=11"]
LOSS = ["aggregation.scores={}"]
STUDIES = {
    "zeno": ["aggregation.rule=zeno", "aggregation.tolerate=1", *LOSS],
    "fltrust": ["aggregation.rule=fltrust", 'aggregation.scores={ by = "direction" }'],
    "committee_median": ["aggregation.rule=norm_clipping+committee_median", *LOSS],
    "reputation_weighted": [
        "aggregation.rule=reputation_weighted", "aggregation.scores={ demote = 0.4 }",
    ],
}  # fmt: skip


def attempts(folder: Path) -> list[AttemptRecord]:
    study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
    (study_history,) = study_histories.values()
    return list(study_history.attempts.values())


@pytest.mark.parametrize("rule", STUDIES)
def test_a_scored_study_is_recomputed_given_its_scores(rule: str, tmp_path: Path) -> None:
    changes = [*SHORT, *STUDIES[rule]]
    result = run("heart", out=tmp_path / "run", changes=changes)
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert found.ok
    assert dict(found.levels) == {"recomputed_given_scores": 3}
    for attempt in attempts(result.folder):
        scored = attempt.of(Scored)
        assert scored.combined is not None
        assert scored.combined.scorers == ("cleveland", "hungarian", "switzerland", "va")
        assert any(scored.combined.scores)
        assert len({told.scores for told in scored.revealed.values()}) == 4, "each has its own rows"
    # Without a ledger the same sites learn the same model, bit for bit.
    assert run_without_ledger(prepare(read_study("heart", changes))).digest.hex() == result.model


def test_a_resumed_run_says_what_it_committed_to(tmp_path: Path) -> None:
    changes = [*SHORT, *STUDIES["zeno"]]
    whole = run("heart", out=tmp_path / "whole", changes=changes)
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("heart", out=tmp_path / "run", changes=changes, progress=stop)
    resumed = run("heart", out=tmp_path / "run", changes=changes, resume=True)
    assert resumed.model == whole.model
    assert verify(resumed.folder).ok


def test_a_silent_validator_is_done_without(tmp_path: Path) -> None:
    changes = [*SHORT, *STUDIES["zeno"], "threat.attack=silent_validator"]
    result = run("heart", out=tmp_path / "run", changes=changes)
    assert result.outcome == "completed"
    assert verify(result.folder).ok


def test_rows_that_a_validator_keeps_are_not_trained_on(tmp_path: Path) -> None:
    with consortium(tmp_path, *STUDIES["zeno"]) as within:
        for name, rows in within.prepared.train.items():
            kept = len(rows.y) - within.trainers.rows_of(name)
            assert kept == pytest.approx(0.2 * len(rows.y), abs=1)


def test_a_badmouthed_site_is_left_out_once_liars_are_a_majority() -> None:
    def left_out(validators: tuple[str, ...]) -> set[str]:
        named = ", ".join(f'"{name}"' for name in validators)
        threat = f'threat={{ attack = "badmouthing_validator", attackers = [{named}] }}'
        changes = [*SHORT, *STUDIES["committee_median"], "aggregation.scores.threshold=-10", threat]
        prepared = prepare(read_study("heart", changes))
        book, _ = scored(prepared, LedgerlessScores)
        return {
            name for scores in book.combined for name, one in scores.items() if one < -10 * UNIT
        }

    assert left_out(("va",)) == set()
    assert left_out(("va", "switzerland")) == {"cleveland", "hungarian"}, "half of four decide"


def test_lies_reach_the_ledger_as_they_are_rehearsed(tmp_path: Path) -> None:
    changes = [
        *SHORT, *STUDIES["committee_median"],
        'threat={ attack = "ballot_stuffing", attackers = ["va"], rounds = [2] }',
    ]  # fmt: skip
    result = run("heart", out=tmp_path / "run", changes=changes)
    first, second, _ = attempts(result.folder)
    assert first.of(Scored).revealed["va"].scores[-1] < LARGEST_SCORE
    assert second.of(Scored).revealed["va"].scores[-1] == LARGEST_SCORE
    assert run_without_ledger(prepare(read_study("heart", changes))).digest.hex() == result.model


def test_a_validator_with_too_few_persons_is_refused() -> None:
    study = read_study("heart", [*SHORT, *STUDIES["zeno"]])
    train = prepare(study).train
    few = {
        "cleveland": take(train["cleveland"], np.array([0, 1])),
        "va": take(train["va"], np.array([0])),
    }
    with pytest.raises(StudyError, match="va cannot keep"):
        check_rows(study.study, few, ["cleveland", "va"])
    check_rows(study.study, few, [])


@pytest.mark.parametrize(("rule", "told"), [([], True), (STUDIES["zeno"], False)])
def test_lies_that_nobody_hears_are_told_of(rule: list[str], told: bool) -> None:
    changes = [*SHORT, *rule, "threat.attack=ballot_stuffing"]
    notices = prepare(read_study("heart", changes)).notices
    assert ("study.unheard-lies" in {one.code for one in notices}) is told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["aggregation.rule=zeno"], "needs validators' scores"),
        (["aggregation.scores={}"], "no use for scores"),
        (["aggregation.rule=fltrust", "aggregation.scores={}"], "work with scores by loss"),
        ([*STUDIES["zeno"], "aggregation.scores={ demote = 0.3 }"], "half a weight is no demotion"),
        (["threat.attack=badmouthing_validator"], "lies in scores"),
        ([*STUDIES["zeno"], "privacy.secure_aggregation={}"], "secure aggregation"),
        (
            [*STUDIES["zeno"],
             'privacy.differential_privacy={unit="patient", epsilon=8.0, delta=1e-5}'],
            "differential privacy",
        ),
        ([*STUDIES["zeno"], 'personalization={method="fedbn"}'], "fedbn"),
        ([*STUDIES["zeno"], "training.early_stopping={patience=2}"], "early_stopping"),
        (
            ["aggregation.rule=fltrust", 'aggregation.scores={by="direction", threshold=2.0}'],
            "no cosine",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_with_scores_is_refused(changes: list[str], told: str) -> None:
    with pytest.raises(StudyError, match=told):
        prepare(read_study("heart", [*SHORT, *changes]))


def test_a_validator_commits_to_its_scores_once(tmp_path: Path) -> None:
    with consortium(tmp_path, *STUDIES["zeno"]) as within:
        view = until(within, "score.commit", 1)
        one = validator(within, "va")
        assert kinds(one.reconcile(view, idle=False)) == ["score.commit"]
        step(within, without=[other for other in within.participants if other is not one])
        assert within.view().phase == "score.commit"
        assert one.reconcile(within.view(), idle=False) == []
