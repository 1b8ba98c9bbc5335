"""One member registers studies made to stop everybody, among real nodes: another study finishes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import environment
from tests.network.hostility import register_hostile_studies
from tests.network.trials import LONGEST, QUICK, started, trial
from tests.node.hostile import documents

from collegium.network.record import NetworkRecord, home_of
from collegium.network.trial import verify_members
from collegium.network.watch import require_alive, statuses, study_of
from collegium.node.status import NodeStatus


@pytest.mark.long
def test_hostile_registrations_end_no_node_and_no_other_study(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*QUICK, "training.rounds=8")) as record:
        home = home_of(folder, "cleveland")
        record = started(folder)
        register_hostile_studies(folder, "cleveland")
        for member, status in until_all_know_it_closed(folder, record).items():
            done = study_of(status, "heart")
            assert done is not None
            assert (done.outcome, done.closed_rounds) == ("completed", 8), member
            assert status.state == "following"
            refused = {one.study for one in status.studies if one.refused}
            assert refused == set(documents()) - {"absent"}, "each is told"
            assert not any(one.stopped for one in status.studies)
        told = subprocess.run(
            [sys.executable, "-m", "collegium", "node", "status", str(home), "--json"],
            env=environment(), capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        by_study = {one["study"]: one for one in json.loads(told.stdout)["studies"]}
        assert "corrupt is 100.0" in by_study["corrupt"]["refused"][0]
        for found in verify_members(folder, record).values():
            about = {
                one.subject.study  # type: ignore[union-attr]
                for one in found.findings
                if one.code == "study.malformed"
            }
            assert about >= {"corrupt", "degree", "search", "combinations", "nested"}
            assert "study.unchecked" not in {one.code for one in found.findings}
            assert found.checked["rounds"] == 8


def until_all_know_it_closed(folder: Path, record: NetworkRecord) -> dict[str, NodeStatus]:
    """Wait until every node knows the study as closed; none may end."""
    until = monotonic() + LONGEST / 2
    while True:
        found = statuses(folder, record)
        require_alive(record.children)
        known = [study_of(status, "heart") for status in found.values()]
        if all(one is not None and one.phase == "closed" for one in known):
            return {name: one for name, one in found.items() if one is not None}
        assert monotonic() < until, found
        sleep(0.1)
