"""One key for all falls to a single client; keys that are dealt to all need the threshold."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands import collegium

from collegium.mechanisms.threshold_he.collusion import ENCRYPTED_ROUND, ReadUpdates, collude
from collegium.simulation.execution import run


def test_a_shared_key_falls_to_one_and_dealt_keys_to_the_threshold(tmp_path: Path) -> None:
    found = collude(run("heart10", out=tmp_path / "run", changes=ENCRYPTED_ROUND).folder)
    assert (found.sites, found.threshold) == (10, 7)
    assert found.reached == (
        ReadUpdates("shared", 1, 9, 9),
        ReadUpdates("dealt", 1, 0, 9),
        ReadUpdates("dealt", 6, 0, 4),
        ReadUpdates("dealt", 7, 3, 3),
    )


def test_the_command_says_the_same(tmp_path: Path) -> None:
    told = collegium("bench", "collusion", "heart", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == "heart: a round of 4 sites, of whom 3 open its sum"
    assert "one key for all    1 site reads 3 of 3 updates of others" in lines[1]
    assert "keys dealt to all  3 sites together read 1 of 1 updates of others" in lines[-1]
    said = collegium("bench", "collusion", "heart", "--json", cwd=tmp_path)
    assert json.loads(said.stdout)["reached"][0]["read"] == 3


def test_a_study_that_cannot_be_encrypted_is_refused(tmp_path: Path) -> None:
    changes = ("--set", "aggregation.rule=trimmed_mean", "--set", "aggregation.tolerate=2")
    refused = collegium("bench", "collusion", "heart10", *changes, cwd=tmp_path)
    assert refused.returncode == 2
    assert "encrypted updates do not go with the rule" in refused.stderr
