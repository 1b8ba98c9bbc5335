"""A study that waits for everybody and that one member forbids is given up by the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.network.cables import change_settings
from tests.network.trials import FOR_ALL, MEMBERS, no_progress, started, trial

from collegium.network.record import home_of
from collegium.network.trial import verify_members
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.templates import policy_text


@pytest.mark.long
def test_who_forbids_it_says_why_and_the_study_fails_cleanly(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, FOR_ALL):
        (home_of(folder, "va") / "policy.toml").write_text(policy_text(["lung"], minimum_rows=1))
        for name in MEMBERS:
            change_settings(folder, name, "phase = 30.0", "phase = 1.0")
            change_settings(folder, name, "patience = 600.0", "patience = 4.0")
        record = started(folder)
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "failed"
        assert closed.closed_rounds == 0
        refusing = study_of(statuses(folder, record)["va"], "heart")
        assert refusing is not None
        assert any("studies does not allow 'heart'" in why for why in refusing.refused)
        assert '"event":"study refused"' in (home_of(folder, "va") / "node.log").read_text()
        assert not any((home_of(folder, "va") / "outbox").read_bytes()), "it has made no update"
        assert all(one.ok for one in verify_members(folder, record).values())
