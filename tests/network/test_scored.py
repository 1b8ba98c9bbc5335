"""Scores between real processes: each member scores on its own rows, and the model is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.audit.verify import verify
from collegium.simulation.execution import run

pytestmark = pytest.mark.long

CHANGES = (
    "training.rounds=2", "evaluation.bootstrap=0", "study.attendance=all",
    "aggregation.rule=zeno", "aggregation.tolerate=1", "aggregation.scores={}",
)  # fmt: skip


def test_members_that_score_end_in_the_model_of_a_simulation(tmp_path: Path) -> None:
    alone = run("heart", out=tmp_path / "alone", changes=CHANGES)
    members = run("heart", out=tmp_path / "members", changes=(*CHANGES, "consensus.engine=log"))
    assert members.model == alone.model
    found = verify(members.folder)
    assert found.ok
    (scoring,) = found.scorings
    assert [one.scorers for one in scoring.rounds] == [
        ("cleveland", "hungarian", "switzerland", "va")
    ] * 2
