"""A search whose members are processes of their own comes to the model of a simulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.audit.verify import verify
from collegium.simulation.execution import run

CHANGES = [
    "training.rounds=2", "evaluation.bootstrap=0", "study.attendance=all",
    "search.training.learning_rate=[0.02, 0.6]", "aggregation.rule=nnm+trimmed_mean",
    "aggregation.tolerate=1", "training.site_momentum=0.9",
]  # fmt: skip


@pytest.mark.long
def test_processes_that_search_choose_the_model_of_a_simulation(tmp_path: Path) -> None:
    alone = run("heart", out=tmp_path / "solo", changes=CHANGES)
    among = run("heart", out=tmp_path / "log", changes=[*CHANGES, "consensus.engine=log"])
    assert (among.model, among.rounds) == (alone.model, 4)
    verification = verify(among.folder)
    assert verification.ok
    (told,) = verification.selections
    assert (told.looks, [one.trial for one in told.trials]) == (4, [1, 2])
    assert told == verify(alone.folder).selections[0]
